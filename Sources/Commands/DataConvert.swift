import ArgumentParser
import Foundation
import Storage
import Winners

struct DataConvert: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Write a data set as an image folder with metadata.jsonl, or as a WebDataset tar.",
        discussion: """
            The images' bytes are copied as they are; nothing is decoded. The output is there whole or not at all.

              seppo data convert train.parquet --output pictures
              seppo data convert pictures --output pictures.tar
              seppo data convert train.parquet --caption-column description --output pictures
            """)

    @OptionGroup var data: DataSetOptions
    @Option(help: "A folder, or a file that ends in .tar; not there yet.", transform: Place.url) var output: URL
    @OptionGroup var links: LinkOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        try data.checkOutput(output, common)
        try Output.checkNew(output)
    }

    func run() throws {
        let set = try links.copied(data.winners())
        set.report.show()
        let bar = ProgressBar("converting")
        let skips: [Skip]
        if output.pathExtension.lowercased() == "tar" {
            try createFolder(output.deletingLastPathComponent())
            skips = try WinnerShard.write(set.winners, to: output) { bar.show($0, of: set.winners.count) }
        } else {
            skips = try WinnerFolder.write([("", set.winners)], to: output) { bar.show($0, of: set.winners.count) }
        }
        skips.show()
        Console.print("\(set.winners.count - skips.count) winners in \(output.path)")
    }
}
