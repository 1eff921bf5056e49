import Foundation
import Storage
import Testing

@testable import Alignment

@Suite struct YAMLOptionsTests {
    @Test func optionsAreReadAndWritten() throws {
        var settings = AlignmentSettings(model: "a: #b", winners: "yes")
        (settings.objective.beta, settings.optimisation.learningRate, settings.objective.flip, settings.data.flipImages) = (50, 1e-4, .sign, true)
        let fields = try AlignmentSettings.fields(yaml: settings.yaml())
        #expect(try fields == settings.fields())
        #expect(try AlignmentSettings.fields(yaml: "").isEmpty && AlignmentSettings.fields(yaml: "# nothing\n").isEmpty)
    }

    /// Yams ends the process at the first of them, JSONSerialization at the last.
    @Test(arguments: [
        ("[]: 3", YAMLOptionsError.noName(line: 1)), ("a: 3\n{}: 3", .noName(line: 2)), ("- a", .noOptions), ("a", .noOptions), ("a: {b: 3}", .nested("a")),
        ("a: [[1]]", .nested("a")), ("x: &x [1]\na: [*x, *x]", .nested("a")), ("a: .nan", .noOptions),
        ("a: 2020-01-01", .noOptions),
    ])
    func everythingElseIsRefused(_ text: String, _ error: YAMLOptionsError) {
        #expect(throws: error) { try AlignmentSettings.fields(yaml: text) }
    }

    @Test func aFileThatRepeatsItselfIsNotUnfolded() {
        let lines = (1...60).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }
        #expect(throws: YAMLOptionsError.self) { try YAMLOptions.read("a0: &a0 [x, x]\n" + lines.joined(separator: "\n")) }
    }
}
