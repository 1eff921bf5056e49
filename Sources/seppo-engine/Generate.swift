import ArgumentParser
import Commands
import Diffusion
import Foundation
import Media
import Storage
import Torch
import Winners

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draw images or clips from prompts.",
        discussion: """
            Image i of a prompt uses seed + i, and its start noise is that of libtorch's CPU generator with that seed, so that Python draws the \
            same image. With one image, an OUTPUT that ends in .png is the file itself; otherwise it is a folder of 00000-SEED.png, … with a \
            metadata.jsonl beside them, not there yet or empty: no data set is added to or replaced.

            A model that draws clips, or one with --motion, writes each as a folder of its frames, 00000-SEED/0000.png, …; a single one \
            as one file where OUTPUT ends in .mp4, .webm or .gif, of 8 frames a second.

            A file of prompts has one a line, in UTF-8; lines that begin with # are passed over. Behind a prompt may stand, as in sd-scripts: --n \
            (negative prompt), --w, --h, --d (seed), --l (guidance), --s (steps).

              seppo generate --model scenes --prompt "a red circle" --output image.png
            """)

    @OptionGroup var model: ModelOptions
    @Option(parsing: .upToNextOption, help: "One or several.") var prompt: [String] = []
    @Option(help: "A text file of prompts, one a line.", transform: Place.path) var prompts: String?
    @Option(help: "A .png file, of a clip a .mp4, .webm or .gif file, or a folder.", transform: Place.url) var output: URL
    @Option(help: "Also put all images into this .png file, a row a prompt.", transform: Place.url) var sheet: URL?
    @Option(help: "What guidance leads away from.") var negativePrompt = ""
    @Option(help: "Seed of the first image of each prompt.") var seed: UInt64 = 0
    @Option(help: "Images a prompt.") var count = 1
    @Option(help: "Sampling steps.") var steps = 50
    @Option(help: "Classifier-free guidance; 1 is none.") var guidance = 7.5
    @Option(help: "Default: the model's.") var sampler: SamplerName?
    @Option(help: "DDIM's eta.") var eta = 0.0
    @Option(help: "In pixels. Default: the model's.") var width: Int?
    @Option(help: "In pixels. Default: the model's.") var height: Int?
    @Option(help: "Frames of each clip, for a model that draws clips. Default: 16.") var frames: Int?
    @Option(help: "Images, or clips, that go through the network together. Default: 8, of clips 1.") var batch: Int?
    @Option(help: "Threads; 0 leaves the choice to libtorch.") var threads = 0
    @OptionGroup var device: DeviceOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        try model.requireModel()
        guard prompt.isEmpty != (prompts == nil) else { throw ValidationError("give --prompt or --prompts, and not both") }
        try require("count", count, in: 1...1_000_000)
        if let batch { try require("batch", batch, in: 1...10_000) }
        if let frames { try require("frames", frames, in: 1...10_000) }
        try require("steps", steps, in: 1...10_000)
        try requireFinite("guidance", guidance)
        try require("eta", eta, in: 0...1)
        try require("width", width, in: 1...16_384)
        try require("height", height, in: 1...16_384)
        try require("threads", threads, in: threadCounts)
        var use = FileUse()
        model.reads(&use)
        common.reads(&use)
        use.reads("--prompts", prompts.map { URL(fileURLWithPath: $0) })
        use.writes("--output", output)
        use.writes("--sheet", sheet)
        try use.checkUsage()
        if let sheet {
            guard sheet.pathExtension.lowercased() == "png" else { throw ValidationError("--sheet \(sheet.path) does not end in .png") }
            let isOurs = sheet.deletingLastPathComponent().path == output.path && sheet.lastPathComponent.wholeMatch(of: /\d{5,}-\d+\.png/) != nil
            guard sheet.path != output.path, !isOurs else {
                throw ValidationError("--sheet \(sheet.path) is where a picture itself would be: name another file")
            }
            try Output.checkPicture(sheet)
        }
    }

    func run() throws {
        Runtime.threads = threads
        let texts = try requested()
        guard texts.count <= 1_000_000 / count else { throw ValidationError("\(texts.count) prompts times --count \(count): more than 1000000 pictures") }
        let jobs = texts.flatMap { prompt in (0..<count).map { job(prompt, $0) } }
        guard sheet == nil || Set(jobs.map { [$0.width, $0.height] }).count == 1 else {
            throw ValidationError("\(prompts ?? ""): pictures of several sizes make no sheet: leave --sheet out")
        }
        let isPicture = jobs.count == 1 && output.pathExtension.lowercased() == "png"
        let clipForm = jobs.count == 1 ? Clip.Form(output).flatMap { $0 == .frames ? nil : $0 } : nil
        let isFile = isPicture || clipForm != nil
        if isPicture { try Output.checkPicture(output) } else { try clipForm == nil ? Output.checkFolder(output) : Output.checkNew(output) }
        let pipeline = try model.pipeline(on: device.placement())
        let drawsClips = pipeline.unet.configuration.motion != nil
        guard !drawsClips || !isPicture && sheet == nil else {
            throw ValidationError("\(model.model) draws clips, which are written as folders of frames: \(sheet == nil ? "--output" : "--sheet") is one picture")
        }
        guard drawsClips || clipForm == nil else {
            throw ValidationError("--output \(output.path) is a clip, and \(model.model) draws pictures: name a .png file")
        }
        let batch = batch ?? (drawsClips ? 1 : 8)
        if eta != 0, sampler == nil, try pipeline.scheduler.samplerName() != .ddim {
            throw ValidationError("--eta has no effect with this model's own sampler: only ddim has one, see --sampler")
        }
        for (texts, name) in [(texts.map(\.text), "prompt"), ([negativePrompt] + texts.compactMap(\.negative), "negative prompt")] {
            if let note = pipeline.tokenizer.truncationNote(of: texts, called: name) { Console.line("note: \(note)") }
        }
        if !isFile { try createFolder(output) }
        let bar = ProgressBar("drawing")
        var rows = DrawnRows(in: output)
        var drawn: [RGBImage] = []
        // Images are written batch by batch, so that a long list never waits in memory and an interruption keeps what was drawn.
        var first = 0
        while first < jobs.count {
            let kind = jobs[first]
            let part = Array(jobs[first...].prefix(batch).prefix { $0.isDrawn(like: kind) })
            let images = try pipeline.generate(
                part.map(\.prompt), negativePrompts: part.map(\.negative), seeds: part.map(\.seed),
                settings: SamplingSettings(sampler: sampler, steps: kind.steps, guidance: kind.guidance, eta: eta), width: kind.width, height: kind.height,
                frames: frames, batch: batch)
            for (offset, job) in part.enumerated() {
                let name = DrawnRows.name(first + offset, seed: job.seed) + (drawsClips ? "" : ".png")
                if drawsClips {
                    let clip = Clip((0..<images[offset].size(0)).map { RGBImage(images[offset][$0]) }, rate: ClipSource.usualRate)
                    try clip.write(to: clipForm == nil ? output.appendingPathComponent(name) : output, as: clipForm ?? .frames)
                } else {
                    let image = RGBImage(images[offset])
                    try image.writePNG(to: isFile ? output : output.appendingPathComponent(name))
                    if sheet != nil { drawn.append(image) }
                }
                try rows.add(DrawnRows.Row(file_name: name, text: job.prompt, seed: job.seed, guidance: job.guidance, steps: job.steps))
            }
            if !isFile { try rows.write() }
            first += part.count
            bar.show(first, of: jobs.count)
        }
        // One image a prompt makes a column, which nobody would look at: those stand side by side.
        if let sheet { try RGBImage.sheet(drawn, columns: count > 1 ? count : min(jobs.count, 8)).writePNG(to: sheet) }
        Console.print(output.path)
    }

    /// An image to draw.
    private struct Job {
        let prompt: String
        let negative: String
        let seed: UInt64
        let width: Int?
        let height: Int?
        let guidance: Double
        let steps: Int

        /// Whether both can go through the network together.
        func isDrawn(like other: Job) -> Bool {
            (width, height, guidance, steps) == (other.width, other.height, other.guidance, other.steps)
        }
    }

    private func requested() throws -> [PromptFile.Prompt] {
        guard let prompts else { return prompt.map(PromptFile.Prompt.init) }
        do {
            let file = try PromptFile(URL(fileURLWithPath: prompts))
            if file.comments > 0 { Console.line("\(prompts): \(file.prompts.count) prompts; lines that begin with #, passed over: \(file.comments)") }
            return file.prompts
        } catch {
            throw ValidationError("\(error)")
        }
    }

    /// - Parameter number: among the images of this prompt
    private func job(_ prompt: PromptFile.Prompt, _ number: Int) -> Job {
        Job(
            prompt: prompt.text, negative: prompt.negative ?? negativePrompt, seed: (prompt.seed ?? seed) &+ UInt64(number), width: prompt.width ?? width,
            height: prompt.height ?? height, guidance: prompt.guidance ?? guidance, steps: prompt.steps ?? steps)
    }
}
