import Foundation
import Storage

/// The two forms that the answer to an inspection takes.
package enum InspectionForms {
    /// For people, a few lines; at most twenty problems are written out.
    package static func text(_ path: String, _ title: String, _ lines: [String], _ problems: [String]) -> String {
        var lines = ["\(path): \(title)"] + lines
        lines.append(problems.isEmpty ? "no problems" : problems.count == 1 ? "1 problem:" : "\(problems.count) problems:")
        lines += problems.prefix(20).map { "  \($0)" }
        if problems.count > 20 { lines.append("  and \(problems.count - 20) more; --json lists all") }
        return lines.map(\.printable).joined(separator: "\n")
    }

    /// One JSON object, names in snake_case.
    package static func json(_ answer: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(answer)
    }
}

/// There is nothing at the path.
public struct InspectionError: Error, CustomStringConvertible {
    public let path: String
    package init(path: String) { self.path = path }
    public var description: String { "\(path.printable): there is no such file or folder" }
}
