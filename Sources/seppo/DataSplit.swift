import ArgumentParser
import Datasets
import Foundation

struct DataSplit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split",
        abstract: "Write a data set as two image folders, train and held-out.",
        discussion: """
            Equal captions, and captions of one image, always fall on the same side. Which side is drawn from the captions and the seed alone: pictures \
            that are added later leave the others where they were. The share is therefore met on average.

              seppo data split pictures --output divided --held-out 0.1
            """)

    @OptionGroup var data: DataSetOptions
    @Option(help: "A folder, not there yet.", transform: { URL(fileURLWithPath: $0) }) var output: URL
    @Option(help: "The share to hold out, between 0 and 1.") var heldOut: Double
    @Option(help: "Another seed holds out others.") var seed: UInt64 = 0
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard heldOut > 0, heldOut < 1 else { throw ValidationError("--held-out is \(heldOut): it must be above 0 and below 1") }
    }

    func run() throws {
        guard !FileManager.default.fileExists(atPath: output.path) else { throw ValidationError("\(output.path) is there already") }
        let set = try data.winners()
        set.report.show()
        let split = HeldOutSplit(set.winners, share: heldOut, seed: seed)
        guard !split.train.isEmpty, !split.heldOut.isEmpty else {
            throw ValidationError("all \(set.winners.count) winners would fall on one side: choose another share or seed")
        }
        let bar = ProgressBar("splitting")
        let parts = [(name: "train", winners: split.train), (name: "held-out", winners: split.heldOut)]
        try WinnerFolder.write(parts, to: output) { bar.show($0, of: set.winners.count) }.show()
        print("\(split.train.count) winners in \(output.path)/train, \(split.heldOut.count) in \(output.path)/held-out")
    }
}
