import ArgumentParser
import Commands
import Experiments
import Foundation
import Storage

struct Scenes: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a data set of the built-in world as an image folder.",
        discussion: "Good pictures, or a mixture of good and flawed ones. Every picture has a losing one beside it, flawed, for methods that want pairs.")

    @Option(help: "Folder to write, not there yet or empty.", transform: Place.url) var output: URL
    @Option(help: "Pictures.") var count: Int
    @Option(help: "good or mixed. Default: good.", transform: Scenes.quality) var quality = SceneQuality.good
    @Option(help: "Captions: train, tune or held-out.") var split: SceneSplit = .train
    @Option(help: "Of the pictures.") var seed: UInt64 = 0
    @OptionGroup var common: CommonOptions

    private static func quality(_ name: String) throws -> SceneQuality {
        guard let quality = SceneQuality(name: name) else { throw ValidationError("quality is good or mixed") }
        return quality
    }

    func validate() throws {
        try require("count", count, in: 1...1_000_000)
        var use = FileUse()
        common.reads(&use)
        use.writes("--output", output)
        try use.checkUsage()
        try Output.checkFolder(output)
    }

    func run() throws {
        try SceneFolder.write(SceneCorpus(quality: quality, split: split, count: count, seed: seed), to: output)
        Console.print("\(count) pictures in \(output.path)")
    }
}
