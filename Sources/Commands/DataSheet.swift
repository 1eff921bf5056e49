import ArgumentParser
import Foundation
import Storage
import Winners

struct DataSheet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sheet",
        abstract: "Write a page of a data set's pictures, cropped as a model sees them, with their captions.",
        discussion: """
            One HTML file without links. A page of that name is replaced, nothing else. Of a clip, the page shows the frames that a training with the same \
            options and seed sees.
            """)

    @OptionGroup var data: DataSetOptions
    @Option(help: "The page to write, such as sheet.html.", transform: Place.url) var output: URL
    @Option(help: "Pictures, evenly spread over the data set.") var count = 60
    @Option(help: "Side of the model's square pictures, in pixels.") var resolution = 512
    @OptionGroup(title: "Clips") var frames: FrameOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        try require("count", count, in: 1...100_000)
        try require("resolution", resolution, in: 8...4096)
        try data.checkOutput(output, common)
        try Output.checkFile(output, beginningWith: Array("<!DOCTYPE html>".utf8), kind: "page of ours")
    }

    func run() throws {
        let set = try data.winners()
        let bar = ProgressBar("pictures")
        let sheet = DatasetSheet(set, count: count, resolution: resolution, rule: frames.rule, seed: frames.seed)
        let page = sheet.html { bar.show($0, of: min(count, set.winners.count)) }
        try createFolder(output.deletingLastPathComponent())
        try writeAtomically(Data(page.utf8), to: output)
        Console.print(output.path)
    }
}
