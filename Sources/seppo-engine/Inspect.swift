import ArgumentParser
import Commands
import Foundation
import Reports
import Storage
import Winners

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell what a model folder, a data set, a run or a safetensors file is, and what is wrong with it.",
        discussion: """
            Problems are listed, not failed on: the exit code is 0 for every path that exists. Of a model: parts, parameters, resolution, sampler, \
            and missing, misshaped or damaged files and tensors. Of a data set: winners, captions, sizes, duplicates, and what would be left out and \
            why. Of a run: how far it is, its settings, losses and alarms. Of a LoRA: its names, rank, alpha and layers, or what else it is. A folder \
            with some parts of a model only is inspected, too.

              seppo inspect ./stable-diffusion-v1-5
              seppo inspect ./liked --all
              seppo inspect runs/liked --json
              seppo inspect scenes --tokens "a red circle" "a blue square"
            """)

    @Argument(help: "A folder, a safetensors file, or `scenes`, the built-in model.", transform: Place.path) var path: String
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Print the tokens that the model gets for each text, padded and truncated.", valueName: "text")) var tokens: [String] = []
    @Flag(help: "Decode every image and read every tensor, however many.") var all = false
    @Flag(help: "Print one JSON object.") var json = false
    @OptionGroup var reading: ReadingOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let option = reading.given, !tokens.isEmpty { throw ValidationError("\(option) is for data sets, and --tokens for models: give one") }
    }

    func run() throws {
        guard reading.given == nil else {
            let report = try DatasetReport(
                path, columns: reading.columns, captionLines: reading.lines, images: all ? 0 : DatasetInspection.fewImages)
            return try json ? Console.result(json: report.json()) : Console.result(report.text)
        }
        let inspection = try Inspection(path, tokens: tokens, effort: all ? .everything : .bounded)
        try json ? Console.result(json: inspection.json()) : Console.result(inspection.text)
    }
}
