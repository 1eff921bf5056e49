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
        let inspection = try Inspection(dataset: data.path, columns: data.columns, effort: .everything)
        for problem in inspection.problems { print(problem.printable) }
        guard let winners = inspection.dataset?.winners, winners > 0 else { throw ExitCode.failure }
        print("\(winners) winners can be used, \(inspection.problems.count) problems")
    }
}
