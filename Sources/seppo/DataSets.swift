import ArgumentParser
import Datasets
import Foundation

/// `seppo data …`, one file a command.
struct DataSets: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Show, check, convert and split data sets of captioned images.",
        discussion: """
            A data set is an image folder (metadata.jsonl, metadata.csv, or a .txt caption beside each image), a Parquet file or a folder with such \
            files (Pick-a-Pic's pairs, or a column of images with one of captions), a WebDataset tar or a folder with such shards. Every other \
            command takes the same forms.
            """,
        subcommands: [DataShow.self, DataCheck.self, DataConvert.self, DataSplit.self, DataSheet.self])
}

/// A data set, and how it is read where its columns do not tell.
struct DataSetOptions: ParsableArguments {
    @Argument(help: "A folder, a .parquet file or a .tar file.", transform: Place.path) var path: String
    @Option(help: "The column of captions, of Parquet files that do not tell by its name.") var captionColumn: String?
    @Option(help: "The column of images, of Parquet files that do not tell by its name.") var imageColumn: String?

    var columns: ParquetColumnNames { ParquetColumnNames(image: imageColumn, caption: captionColumn) }

    func winners() throws -> WinnerSet {
        let set = try WinnerSet(URL(fileURLWithPath: path), columns: columns)
        Console.line(set.summary)
        return set
    }
}

extension [Skip] {
    /// What could not be used, on standard error, as far as it fits a screen.
    func show() {
        for skip in prefix(20) { Console.line("left out: \(skip)") }
        if count > 20 { Console.line("and \(count - 20) more; `seppo data check` lists all") }
    }
}
