import ArgumentParser
import Foundation
import Winners

struct DataCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Decode every image of a data set and list all problems.",
        discussion: "The exit code is 1 where no winner can be used.")

    @OptionGroup var data: DataSetOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        let report = try DatasetReport(data.path, columns: data.reading.columns, captionLines: data.reading.lines, images: 0)
        let dataset = report.dataset
        for line in dataset.notes { Console.line(line) }
        for link in dataset.links { try Console.result("\(link)") }
        for problem in report.problems { try Console.result(problem) }
        if let note = dataset.longCaptionsNote { try Console.result(note) }
        guard dataset.winners > 0 else { throw ExitCode.failure }
        try Console.result("\(dataset.winners) winners can be used, \(report.problems.count) problems")
    }
}
