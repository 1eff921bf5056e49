import ArgumentParser
import Foundation
import Storage
import Winners

/// `seppo data …`, one file a command.
package struct DataSets: ParsableCommand {
    package init() {}

    package static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Show, check, convert and split data sets of captioned images or clips.",
        discussion: """
            A data set is an image folder (metadata.jsonl, metadata.csv, or a .txt or .caption file beside each image), a Parquet file or a folder with such \
            files (Pick-a-Pic's pairs, or a column of images with one of captions), a WebDataset tar or a folder with such shards; or clips in the same forms (videos, GIFs or folders of frames). Every other \
            command takes the same forms.
            """,
        subcommands: [DataShow.self, DataCheck.self, DataConvert.self, DataSplit.self, DataSheet.self])
}

/// A data set, and how it is read where its columns do not tell.
struct DataSetOptions: ParsableArguments {
    @Argument(help: "A folder, a .parquet file or a .tar file.", transform: Place.path) var path: String
    @OptionGroup var reading: ReadingOptions

    func winners() throws -> WinnerSet {
        let set = try WinnerSet.list(URL(fileURLWithPath: path), columns: reading.columns, captionLines: reading.lines)
        Console.line(set.summary)
        return set
    }
}

/// Whether a copy of a data set holds what lies outside of it.
struct LinkOptions: ParsableArguments {
    @Flag(help: "Also copy what links that lead out of the data set lead to.") var followLinks = false

    func copied(_ set: WinnerSet) throws -> WinnerSet {
        if followLinks { return set }
        do {
            let inside = try set.withoutLinks()
            if inside.winners.count < set.winners.count {
                Console.line("links that lead out of the data set are not followed; --follow-links copies what they lead to")
            }
            return inside
        } catch {
            throw ValidationError("\(error)\nGive --follow-links to copy what links lead to")
        }
    }
}

extension [Skip] {
    /// What could not be used, on standard error, as far as it fits a screen.
    /// - Parameter command: that lists all of them
    package func show(allBy command: String = "`seppo data check`") {
        for skip in prefix(20) { Console.line("left out: \(skip)") }
        if count > 20 { Console.line("and \(count - 20) more; \(command) lists all") }
    }
}
