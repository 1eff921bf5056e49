import ArgumentParser
import Commands
import Diffusion
import Foundation
import Scoring
import Storage
import Torch
import Winners

/// One evaluation on a test set of clips, with what a person at a console sees of it.
struct ProtocolSession {
    let chosen: ClipProtocol
    let options: ProtocolOptions
    let reading: ReadingOptions
    /// The model and, where there is one, its base.
    let models: [ModelSource]
    /// Use at most that many prompts; 0: all.
    let count: Int
    let placement: Placement

    /// Everything that can be refused is, before the first clip is drawn.
    func run() throws -> ProtocolResult {
        let (prompts, folder) = (options.prompts!, options.reference!)
        if let output = options.output { try Output.checkFolder(output) }
        let files = try models.map { try ModelFiles($0) }
        for file in files { try file.check(frames: chosen.rule.frames) }
        let listed = try ReferenceClips.list(prompts, in: folder, columns: reading.columns, captionLines: reading.lines)
        Console.line("\(chosen.name): \(listed.rows) rows, \(listed.items.count) with a reference clip")
        listed.skips.show(allBy: "--json")
        let lineage = models.flatMap { [$0.location, $0.motion].compactMap { $0 } }
        var notes = try TrainedOn(options.trainedOn, models: lineage).check(listed, allowsOverlap: options.allowOverlap)
        let items = count > 0 ? Array(listed.items.prefix(count)) : listed.items
        notes += try remarks(listed, items, files[0])
        let metrics = try options.requests.evaluation(preset: options.fvdPreset, on: placement.device)
        let bar = ProgressBar("references")
        let references = try chosen.references(items, metrics, each: writer("references")) { bar.show($0, of: $1) }
        references.skips.show(allBy: "--json")
        let skipped = listed.skips + references.skips
        guard !references.items.isEmpty else { throw ReferenceClipsError.noClips(table: prompts.path, folder: folder.path, skipped) }
        if let set = metrics.setMetrics.first, references.items.count * chosen.seeds < 2 {
            throw MetricError.clips(references.items.count * chosen.seeds, fewest: 2, metric: set.rawValue)
        }
        var (measured, setup): ([MeasuredClips], ProtocolResult.Setup?) = ([], nil)
        var drawing = chosen
        // One model after the other: two would stand in memory otherwise.
        for (index, file) in files.enumerated() {
            for note in try file.motionNotes() { Console.line("note: \(note)") }
            let pipeline = try Pipeline.load(file, on: placement)
            // The base is drawn by the model's sampler.
            if index == 0 { drawing.sampling.sampler = try pipeline.scheduler.samplerName() }
            let bar = ProgressBar(index == 0 ? "drawing" : "drawing the base's")
            measured.append(
                try drawing.drawn(by: pipeline, references, metrics, each: writer(index == 0 ? "model" : "base")) { bar.show($0, of: $1) })
            if index == 0 { setup = try ProtocolResult.Setup(drawing, pipeline, options.fvdPreset) }
        }
        var result = try ProtocolResult(
            setup!, seeds: chosen.seeds, measured[0], base: measured.count > 1 ? measured[1] : nil, references, skipped: skipped)
        result.notes = notes + result.notes
        for note in result.notes { Console.line("note: \(note)") }
        return result
    }

    private func remarks(_ listed: ReferenceClips, _ items: [ReferenceClips.Item], _ model: ModelFiles) throws -> [String] {
        var notes: [String] = []
        if listed.rows != chosen.prompts { notes.append("the table has \(listed.rows) rows, and the published test set \(chosen.prompts)") }
        if items.count < listed.items.count { notes.append("of \(listed.items.count) prompts the first \(items.count) are used") }
        if let note = try model.tokenizer().truncationNote(of: items.map(\.prompt), called: "prompt") { notes.append(note) }
        return notes
    }

    /// What writes clips into a folder of that name in the output, as they are compared; nothing where there is none.
    private func writer(_ name: String) throws -> (PairedClip) throws -> Void {
        guard let folder = options.output?.appendingPathComponent(name) else { return { _ in } }
        var rows = DrawnRows(in: folder)
        let sampling = name == "references" ? nil : chosen.sampling
        return { pair in
            // Not before there is something for it: a refusal leaves nothing behind.
            try createFolder(folder)
            let name = DrawnRows.name(pair.place, seed: pair.seed)
            try pair.clip.write(to: folder.appendingPathComponent(name), as: .frames)
            try rows.add(
                DrawnRows.Row(
                    file_name: name, text: pair.item.prompt, seed: pair.seed, guidance: sampling?.guidance, steps: sampling?.steps, id: pair.item.id))
            try rows.write()
        }
    }
}
