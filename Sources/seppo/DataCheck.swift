import ArgumentParser
import Evaluation
import Foundation
import Torch

struct DataCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Decode every image of a data set and list all problems.",
        discussion: "The exit code is 1 where no winner can be used.")

    @OptionGroup var data: DataSetOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        let inspection = try Inspection(dataset: data.path, columns: data.reading.columns, captionLines: data.reading.lines, effort: .everything)
        for line in inspection.dataset?.notes ?? [] { Console.line(line) }
        for link in inspection.dataset?.links ?? [] { try Console.result("\(link)") }
        for problem in inspection.problems { try Console.result(problem) }
        if let note = inspection.dataset?.longCaptionsNote { try Console.result(note) }
        guard let winners = inspection.dataset?.winners, winners > 0 else { throw ExitCode.failure }
        try Console.result("\(winners) winners can be used, \(inspection.problems.count) problems")
    }
}
