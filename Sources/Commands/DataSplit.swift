import ArgumentParser
import Foundation
import Storage
import Winners

struct DataSplit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split",
        abstract: "Write a data set as two image folders, train and held-out.",
        discussion: """
            Equal captions, and captions of one image, always fall on the same side, as in `seppo align`, which holds out by the same rule. At most the \
            share is held out. Where captions are too few for that, winners are held out by their pictures alone.

              seppo data split pictures --output divided --held-out 0.1
            """)

    @OptionGroup var data: DataSetOptions
    @Option(help: "A folder, not there yet.", transform: Place.url) var output: URL
    @Option(help: "The share to hold out, between 0 and 1.") var heldOut: Double
    @Option(help: "Another seed holds out others.") var seed: UInt64 = 0
    @OptionGroup var links: LinkOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard heldOut > 0, heldOut < 1 else { throw ValidationError("--held-out is \(heldOut): it must be above 0 and below 1") }
        try data.checkOutput(output, common)
        try Output.checkNew(output)
    }

    func run() throws {
        let set = try links.copied(data.winners())
        set.report.show()
        let split = HeldOutSplit(set.winners, share: heldOut, seed: seed)
        guard !split.heldOut.isEmpty else {
            throw ValidationError("all \(set.winners.count) winners would fall on one side: \(split.description ?? ""). Choose a larger share")
        }
        if let note = split.description { Console.line(note) }
        let bar = ProgressBar("splitting")
        let parts = [(name: "train", winners: split.training.map { set.winners[$0] }), (name: "held-out", winners: split.heldOut.map { set.winners[$0] })]
        try WinnerFolder.write(parts, to: output) { bar.show($0, of: set.winners.count) }.show()
        Console.print("\(split.training.count) winners in \(output.path)/train, \(split.heldOut.count) in \(output.path)/held-out")
    }
}
