import ArgumentParser
import Datasets
import Diffusion
import Foundation
import Torch

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draw images from prompts.",
        discussion: """
            Image i of a prompt uses seed + i, and its start noise is that of libtorch's CPU generator with that seed, so that Python draws the \
            same image. With one image, an OUTPUT that ends in .png is the file itself; otherwise it is a folder of 00000-SEED.png, … with a \
            metadata.jsonl beside them, not there yet or empty: no data set is added to or replaced.

              seppo generate --model scenes --prompt "a red circle" --output image.png
            """)

    @OptionGroup var model: ModelOptions
    @Option(parsing: .upToNextOption, help: "One or several.") var prompt: [String] = []
    @Option(help: "A text file of prompts, one a line.", transform: Place.path) var prompts: String?
    @Option(help: "A .png file, or a folder.", transform: Place.url) var output: URL
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
    @Option(help: "Images that go through the network together.") var batch = 8
    @Option(help: "Threads; 0 leaves the choice to libtorch.") var threads = 0
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard prompt.isEmpty != (prompts == nil) else { throw ValidationError("give --prompt or --prompts, and not both") }
        guard count >= 1, batch >= 1, steps >= 1 else { throw ValidationError("count, batch and steps must be at least 1") }
        var use = FileUse()
        model.reads(&use)
        common.reads(&use)
        use.reads("--prompts", prompts.map { URL(fileURLWithPath: $0) })
        use.writes("--output", output)
        use.writes("--sheet", sheet)
        try use.checkUsage()
        if let sheet { try Output.checkPicture(sheet) }
    }

    func run() throws {
        Runtime.threads = threads
        let texts = try prompts.map(Self.lines) ?? prompt
        guard !texts.isEmpty else { throw ValidationError("\(prompts ?? ""): holds no prompt") }
        let jobs = texts.flatMap { text in (0..<count).map { (prompt: text, seed: seed &+ UInt64($0)) } }
        let isFile = jobs.count == 1 && output.pathExtension.lowercased() == "png"
        try isFile ? Output.checkPicture(output) : Output.checkFolder(output)
        let pipeline = try model.pipeline()
        if !isFile { try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true) }
        let bar = ProgressBar("drawing")
        var lines = Data()
        var drawn: [RGBImage] = []
        // Images are written batch by batch, so that a long list never waits in memory and an interruption keeps what was drawn.
        for first in stride(from: 0, to: jobs.count, by: batch) {
            let part = Array(jobs[first..<min(first + batch, jobs.count)])
            let images = try pipeline.generate(
                part.map(\.prompt), negativePrompts: [negativePrompt], seeds: part.map(\.seed),
                settings: SamplingSettings(sampler: sampler, steps: steps, guidance: guidance, eta: eta), width: width, height: height, batch: batch)
            for (offset, job) in part.enumerated() {
                let name = String(format: "%05d-%llu.png", first + offset, job.seed)
                let image = RGBImage(images[offset])
                try image.writePNG(to: isFile ? output : output.appendingPathComponent(name))
                if sheet != nil { drawn.append(image) }
                let row = Row(file_name: name, text: job.prompt, seed: job.seed, guidance: guidance, steps: steps)
                lines += try JSONEncoder.sorted.encode(row) + Data("\n".utf8)
            }
            if !isFile { try writeAtomically(lines, to: output.appendingPathComponent("metadata.jsonl")) }
            bar.show(first + part.count, of: jobs.count)
        }
        // One image a prompt makes a column, which nobody would look at: those stand side by side.
        if let sheet { try RGBImage.sheet(drawn, columns: count > 1 ? count : min(jobs.count, 8)).writePNG(to: sheet) }
        Console.print(output.path)
    }

    private struct Row: Encodable {
        let file_name: String
        let text: String
        let seed: UInt64
        let guidance: Double
        let steps: Int
    }

    private static func lines(_ path: String) throws -> [String] {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(whereSeparator: \.isNewline)
        return lines.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }
}

extension JSONEncoder {
    static var sorted: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}
