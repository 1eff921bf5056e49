import ArgumentParser
import Commands
import Experiments
import Foundation
import Storage

struct Scenes: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a data set of the built-in world as an image folder.",
        discussion: """
            Good pictures, or a mixture of good and flawed ones. Every picture has a losing one beside it, flawed, for methods that want pairs. With \
            --moving clips of 8 frames, each a folder of PNG files, without losing ones.
            """)

    @Option(help: "Folder to write, not there yet or empty.", transform: Place.url) var output: URL
    @Option(help: "Pictures, or clips.") var count: Int
    @Flag(help: "Clips of moving scenes: an object moves, grows, shrinks, changes its colour or stays still.") var moving = false
    @Option(help: "good or mixed.") var quality = Quality.good
    @Option(help: "Captions: train, tune or held-out.") var split: SceneSplit = .train
    @Option(help: "Of the pictures.") var seed: UInt64 = 0
    @OptionGroup var common: CommonOptions

    enum Quality: String, ExpressibleByArgument, CaseIterable { case good, mixed }

    func validate() throws {
        try require("count", count, in: 1...1_000_000)
        var use = FileUse()
        common.reads(&use)
        use.writes("--output", output)
        try use.checkUsage()
        try Output.checkFolder(output)
    }

    func run() throws {
        if moving {
            let quality: MovingSceneQuality = quality == .good ? .good : .mixed
            try MovingSceneFolder.write(MovingSceneCorpus(quality: quality, split: split, count: count, seed: seed), to: output)
            return Console.print("\(count) clips in \(output.path)")
        }
        let quality: SceneQuality = quality == .good ? .good : .mixed
        try SceneFolder.write(SceneCorpus(quality: quality, split: split, count: count, seed: seed), to: output)
        Console.print("\(count) pictures in \(output.path)")
    }
}
