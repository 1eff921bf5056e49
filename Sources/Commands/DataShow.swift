import ArgumentParser
import Foundation
import Winners

struct DataShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Tell what a data set holds: form, counts, sizes, captions, and what would be left out.",
        discussion: "A thousand images, evenly spread, are decoded; `seppo data check` decodes all.")

    @OptionGroup var data: DataSetOptions
    @Flag(help: "Print one JSON object.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let report = try DatasetReport(data.path, columns: data.reading.columns, captionLines: data.reading.lines)
        try json ? Console.result(json: report.json()) : Console.result(report.text)
    }
}
