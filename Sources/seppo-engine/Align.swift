import Alignment
import ArgumentParser
import Commands
import Diffusion
import Foundation
import Reports
import Storage
import Torch

struct Align: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Align a model with images or clips that people like.",
        discussion: """
            Winners are an image folder with metadata.jsonl or metadata.csv (file_name, text), or with a .txt caption beside each image; or \
            Parquet or WebDataset files: see `seppo data --help`. The model is a diffusers folder, or `scenes`, the built-in one, which has \
            some defaults of its own. The aligned pipeline is written to OUTPUT/model.

              seppo align --model ./sd15 --winners ./liked --output runs/liked
            """)

    @OptionGroup(title: ModelSettings.declared.title) var model: ModelSettingOptions
    @OptionGroup(title: DataSettings.declared.title) var data: DataSettingOptions
    @OptionGroup(title: ClipSettings.declared.title) var clips: ClipOptions
    @OptionGroup(title: ObjectiveSettings.declared.title) var objective: ObjectiveOptions
    @OptionGroup(title: SamplingSettings.declared.title) var sampling: SamplingOptions
    @OptionGroup(title: OptimisationSettings.declared.title) var optimisation: OptimisationOptions
    @OptionGroup(title: AdapterSettings.declared.title) var adapters: AdapterOptions
    @OptionGroup(title: ComputationSettings.declared.title) var computation: ComputationOptions
    @OptionGroup(title: ValidationSettings.declared.title) var validation: ValidationOptions
    @OptionGroup(title: RunSettings.declared.title) var runOptions: RunOptions
    @OptionGroup var common: CommonOptions

    private var output: URL { runOptions.output }

    var settings: AlignmentSettings {
        // Paths are absolute, so that a resume from another folder means the same files.
        var settings = AlignmentSettings.preset(model: Place.ofModel(model.model), winners: Place.absolute(data.winners))
        model.apply(to: &settings.model)
        data.apply(to: &settings.data)
        clips.apply(to: &settings.clips)
        objective.apply(to: &settings.objective)
        sampling.apply(to: &settings.sampling)
        optimisation.apply(to: &settings.optimisation)
        adapters.apply(to: &settings.adapters)
        computation.apply(to: &settings.computation)
        validation.apply(to: &settings.validation)
        runOptions.apply(to: &settings.run)
        return settings
    }

    func validate() throws {
        do {
            try settings.validate()
            try settings.checkFiles(in: RunDirectory(output)) { "--" + $0 }
            try checkConfiguration()
        } catch {
            throw ValidationError("\(error)")
        }
    }

    /// The file of options may be the run's own record, which is not written again once anything was saved, but nothing else that the run writes.
    private func checkConfiguration() throws {
        guard let config = common.config.map({ URL(fileURLWithPath: $0) }) else { return }
        let directory = RunDirectory(output)
        let isRecord = FileUse.lies(config, within: directory.configuration) && directory.holdsRun
        guard isRecord || !directory.claims(config) else {
            throw ValidationError("--config \(config.path) stands where the run in \(output.path) would write: move it, or choose another --output")
        }
    }

    func run() throws {
        let environment = try RankEnvironment()
        do {
            let processes = try Processes.open(settings, environment)
            try processes.collective.isFirst ? lead(processes) : follow(processes)
        } catch let fault as RankFault {
            if environment.rank > 0, fault.isKnownToFirst { Foundation.exit(1) }
            throw fault.isMissing ? MissingRank(fault: fault) : fault
        }
    }

    /// The part of the first process, or of the only one.
    private func lead(_ processes: Processes) throws {
        if runOptions.resume, !RunDirectory(output).holdsRun { Console.line("\(output.path) holds no run to go on with: a new one begins") }
        let resumes = runOptions.resume || runOptions.fromCheckpoint
        let session = try AlignmentSession(settings, in: output, resumes: resumes, fromCheckpoint: runOptions.fromCheckpoint, by: processes)
        let directory = session.run.directory
        if session.run.isComplete, RunRecord.isReported(directory) {
            let missing = directory.missingRecords(session.settings)
            if !missing.isEmpty { Console.line("of this run are gone or cut short, and not made again: \(missing.joined(separator: ", "))") }
            let places = "Its model is \(directory.model.path), its report \(directory.report.path)"
            return Console.line("\(output.path) is a finished run: nothing is left to do. \(places)")
        }
        // The session holds the run's lock until the report is written.
        try withExtendedLifetime(session) {
            try session.run()
            let (record, note) = try AlignmentSession.evaluate(session.settings, session.run.data, directory, notes: session.run.notes)
            let skipped = record.log.skippedUpdates
            if skipped > 0 { Console.line("\(skipped) of \(settings.totalUpdates) updates were left out: their loss or gradient was not finite") }
            let drawings: Report.Drawings = try ModelFiles(session.settings.modelSource).drawsClips() ? .clips : .images
            try Report(title: output.lastPathComponent, runs: [record], captionsNote: note, drawings: drawings).write(to: directory.report)
        }
        Console.print("run \(output.path) is done: the aligned model is \(directory.model.path), the report \(directory.report.path)")
    }

    /// The part of any other process, which shows nothing but errors that the first does not.
    private func follow(_ processes: Processes) throws {
        processes.setThreads(settings.computation.threads)
        do {
            let run = try AlignmentRun.open(processes.placed(settings), in: output, resumes: true, over: processes.collective)
            if !run.isComplete { try run.run(stopping: StopSignals()) { _ in } }
        } catch let stop as StoppedBySignal {
            Foundation.exit(128 + stop.number)
        }
    }
}

/// That a process of the run is missing.
private struct MissingRank: Error, CustomStringConvertible {
    let fault: RankFault
    var description: String { "\(fault). What the run has saved is kept: go on with --resume, with any number of processes" }
}

extension RankFault {
    /// Whether the ranks have ended, or hang, after all had found each other, and cannot say why.
    fileprivate var isMissing: Bool {
        switch problem {
        case .ended, .silent, .late, .disconnected: true
        case .absent, .failed, .differs, .claimedTwice: false
        }
    }

    /// Whether the first process is there to tell of it.
    fileprivate var isKnownToFirst: Bool {
        if case .failed = problem { return true }
        return !ranks.contains(0)
    }
}
