import Alignment
import Commands
import Diffusion
import Experiments
import Foundation
import Media
import Reports
import Scoring
import Storage
import Torch
import Winners

/// One alignment with what a person at a console sees of it.
struct AlignmentSession {
    let settings: AlignmentSettings
    let run: AlignmentRun

    init(
        _ settings: AlignmentSettings, in folder: URL, resumes: Bool, fromCheckpoint: Bool = false, by processes: Processes = .alone
    ) throws {
        processes.setThreads(settings.computation.threads)
        do {
            run = try AlignmentRun.open(processes.placed(settings), in: folder, resumes: resumes, fromCheckpoint: fromCheckpoint, over: processes.collective)
        } catch RunError.stateLost(let lost) {
            throw Refusal(description: "\(lost). \(Self.remedy(lost))")
        }
        self.settings = run.settings
    }

    /// What can be done where a run has lost its state.
    private static func remedy(_ lost: LostState) -> String {
        guard let (k, updates) = lost.checkpoint else { return "No checkpoint is whole that the run could go on from: begin again in another --output" }
        return "Go on from checkpoint \(k), after update \(updates), with --resume --from-checkpoint (its weights alone, with a fresh optimiser), "
            + "or begin again in another --output"
    }

    private struct Refusal: Error, CustomStringConvertible { let description: String }

    /// Trains to the end; does nothing where that was done before.
    func run(title: String = "aligning") throws {
        guard !run.isComplete else { return }
        try settings.placement.announce()
        for line in run.arithmetic { Console.line(line) }
        Console.line(run.data.summary)
        for note in run.notes { Console.line("note: \(note)") }
        let encoding = ProgressBar("encoding winners")
        let training = ProgressBar(title)
        var alarms: Set<String> = []
        try run.run(
            stopping: StopSignals(), encoding: { encoding.show($0, of: $1) },
            started: { winners, heldOut, skips, done in
                let split = heldOut > 0 ? ", \(heldOut) of them held out" : ""
                Console.line("\(winners) winners\(split)" + (skips.isEmpty ? "" : ", \(skips.count) left out:"))
                for skip in skips.prefix(10) { Console.line("  \(skip)") }
                if skips.count > 10 { Console.line("  and \(skips.count - 10) more, see \(run.directory.skippedFiles.path)") }
                if let note = run.heldOut.description { Console.line(note) }
                if done > 0 { Console.line("going on after update \(done)") }
            },
            restarted: { k in
                let after = k * settings.optimisation.updates
                Console.line("going on from checkpoint \(k), after update \(after): its weights alone, with a fresh optimiser")
            },
            leftOut: { Console.line("left out: \($0)") },
            validated: { Console.line(Self.text($0)) },
            progress: { entry in
                // Each at once when it is new, and with every checkpoint.
                for alarm in entry.alarms ?? [] where alarms.insert(alarm).inserted || entry.update % settings.optimisation.updates == 0 {
                    Console.line("alarm at update \(entry.update): \(alarm)")
                }
                training.show(
                    entry.update, of: settings.totalUpdates,
                    String(format: "loss %.4f  m_w %.4f", entry.loss ?? .nan, entry.winnerError ?? .nan))
            })
        if let note = run.shortClipsNote { Console.line("note: \(note)") }
    }

    private static func text(_ validation: Validation) -> String {
        var found: [String] = []
        if let error = validation.denoisingError { found.append(String(format: "denoising error %.4f on %d held-out winners", error, validation.n)) }
        if validation.samples > 0 { found.append("\(validation.samples) samples") }
        return "checkpoint \(validation.k): \(found.isEmpty ? "its answers are not finite" : found.joined(separator: ", ")), "
            + ProgressBar.clock(validation.seconds)
    }

    /// What the report says of a finished run, with its final comparison against the base, which goes to `evaluation.json`: the oracle's where
    /// the model draws Scenes; elsewhere the denoising error, on the winners that were held out or, where none was, on the first of all.
    /// - Returns: with what the report says of its captions
    static func evaluate(
        _ settings: AlignmentSettings, _ data: WinnerSet, _ directory: RunDirectory, notes: [String] = []
    ) throws -> (record: RunRecord, captionsNote: String?) {
        if !settings.model.isBuiltIn, let comparison = try Comparison(heldOutOf: directory, k: settings.optimisation.iterations) {
            try writeAtomically(comparison.json(), to: directory.evaluation)
            return (try record(settings.objective.method.rawValue, settings, directory, images: [], notes: notes), "of winners that were held out")
        }
        let bar = ProgressBar("evaluating")
        ProcessMemory.returnFreed()
        // One model after the other: two of a large one would stand in memory otherwise.
        if settings.model.isBuiltIn {
            var evaluation = ScenesEvaluation()
            evaluation.seed = settings.run.seed
            let before = try evaluation.run(settings.startingPipeline()) { bar.show($0, of: 2 * $1) }
            let after = try evaluation.run(Pipeline.load(directory.model, on: settings.placement)) { bar.show($1 + $0, of: 2 * $1) }
            try writeAtomically(Comparison(after.records, base: before.records).json(), to: directory.evaluation)
            return (try record(settings.objective.method.rawValue, settings, directory, images: imagePairs(before, after), notes: notes), nil)
        }
        var evaluation = DenoisingEvaluation()
        (evaluation.count, evaluation.draws, evaluation.resolution, evaluation.seed) = (32, 2, settings.data.resolution, settings.run.seed)
        evaluation.frames = settings.clips.frameRule
        let before = try evaluation.run(settings.startingPipeline(), data) { bar.show($0, of: 2 * $1) }.records
        let after = try evaluation.run(Pipeline.load(directory.model, on: settings.placement), data) { bar.show($1 + $0, of: 2 * $1) }.records
        try writeAtomically(Comparison(after, base: before).json(), to: directory.evaluation)
        return (try record(settings.objective.method.rawValue, settings, directory, images: [], notes: notes), "of the winners themselves")
    }

    static func record(
        _ name: String, _ settings: AlignmentSettings, _ directory: RunDirectory, images: [RunRecord.ImagePair], notes: [String] = []
    ) throws -> RunRecord {
        var record = try RunRecord(name: name, directory: directory.root)
        record.images = images
        record.notes = notes
        record.settings = try settings.facts.map { RunRecord.Fact($0.name, $0.value) }
        let restarts = record.log.updates.compactMap(\.fromCheckpoint)
        if !restarts.isEmpty {
            let from = restarts.map { "\($0)" }.joined(separator: ", ")
            record.settings.append(RunRecord.Fact("went on from checkpoint", "\(from), with a fresh optimiser: the saved state was lost"))
        }
        record.versions = [RunRecord.Fact("libtorch", Runtime.version), RunRecord.Fact("threads", "\(Runtime.threads)")]
        let device = try settings.placement.device
        if device != .cpu { record.versions.append(RunRecord.Fact("device", "\(device)")) }
        let sampling = record.log.updates.reduce(0) { $0 + ($1.sampleSeconds ?? 0) }
        let updating = record.log.updates.reduce(0) { $0 + ($1.updateSeconds ?? 0) }
        record.times = [RunRecord.Fact("sampling", ProgressBar.clock(sampling)), RunRecord.Fact("updating", ProgressBar.clock(updating))]
        record.skippedFiles = SkippedFiles.read(directory).map { RunRecord.SkippedFile(file: $0.file, reason: $0.reason) }
        return record
    }

    /// A few captions, the same for every run: before and after at the same seeds.
    static func imagePairs(_ base: ScenesEvaluation.Outcome, _ aligned: ScenesEvaluation.Outcome, count: Int = 12) throws -> [RunRecord.ImagePair] {
        let perGuidance = Dictionary(grouping: base.records.indices) { base.records[$0].guidance }
        return try perGuidance.sorted { $0.key < $1.key }.flatMap { _, indices in
            try Swift.stride(from: 0, to: indices.count, by: max(1, indices.count / count)).prefix(count).map { position in
                let index = indices[position]
                let (before, after) = (base.records[index], aligned.records[index])
                return RunRecord.ImagePair(
                    caption: before.caption, seed: before.seed, guidance: before.guidance, before: try picture(base.images[index]),
                    after: try picture(aligned.images[index]), scoresBefore: before.scores, scoresAfter: after.scores)
            }
        }
    }

    /// The bytes of a PNG file, or of a clip `[F, 3, H, W]` those of an animated GIF.
    private static func picture(_ drawn: Tensor) throws -> Data {
        guard drawn.rank == 4 else { return Data(try RGBImage(drawn).encodedPNG()) }
        return Data(Clip((0..<drawn.size(0)).map { RGBImage(drawn[$0]) }, rate: ClipSource.usualRate).encodedGIF())
    }
}
