import Foundation
import Storage

/// A text file of prompts, one a line, with the options that sd-scripts has behind them: `a cat --n blurry --w 512 --h 768 --d 7 --l 7.5 --s 30`.
public struct PromptFile: Sendable {
    public struct Prompt: Sendable, Equatable {
        public let text: String
        public var negative: String?
        public var width: Int?
        public var height: Int?
        public var seed: UInt64?
        public var guidance: Double?
        public var steps: Int?

        public init(_ text: String) { self.text = text }
    }

    public let prompts: [Prompt]
    /// Lines that begin with `#`, which are passed over.
    public let comments: Int

    private static let largestFile = 1 << 24

    /// Lines end in LF, CRLF or CR; whatever else parts lines or words is a part of the prompt.
    public init(_ url: URL) throws(PromptFileError) {
        let text: String
        do {
            text = try UTF8Text.string(RegularFile.bytes(url, atMost: Self.largestFile))
        } catch let error as UnreadableFile {
            throw PromptFileError(file: url.path, reason: "\(error.problem)")
        } catch {
            throw PromptFileError(file: url.path, reason: "\(error)")
        }
        var (prompts, comments): ([Prompt], Int) = ([], 0)
        let lines = text.split(omittingEmptySubsequences: false) { ["\n", "\r\n", "\r"].contains($0) }
        for (index, line) in lines.enumerated() {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.isEmpty { continue }
            if line.hasPrefix("#") {
                comments += 1
                continue
            }
            do throws(PromptLine.Problem) {
                prompts.append(try PromptLine(line).prompt())
            } catch {
                throw PromptFileError(file: url.path, line: index + 1, reason: error.reason)
            }
        }
        guard !prompts.isEmpty else { throw PromptFileError(file: url.path, reason: "holds no prompt") }
        (self.prompts, self.comments) = (prompts, comments)
    }
}

public struct PromptFileError: Error, Equatable, CustomStringConvertible {
    public let file: String
    /// From 1; nil where the file as a whole is meant.
    public var line: Int?
    public let reason: String

    public var description: String { "\(file)\(line.map { ":\($0)" } ?? ""): \(reason)" }
}

/// A prompt and what stands behind it: options of two dashes and letters, each with its value up to the next.
private struct PromptLine {
    struct Problem: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    private let text: String
    private let options: [(name: String, value: String)]
    private static let known = "--n (negative prompt), --w, --h (sides), --d (seed), --l (guidance) and --s (steps)"

    init(_ line: String) {
        let marks = line.matches(of: /(?:^|\s)--([A-Za-z][A-Za-z0-9_-]*)(?=[\s=]|$)/)
        text = line[..<(marks.first?.range.lowerBound ?? line.endIndex)].trimmingCharacters(in: .whitespaces)
        let ends = marks.dropFirst().map(\.range.lowerBound) + [line.endIndex]
        options = zip(marks, ends).map { mark, end in
            var value = line[mark.range.upperBound..<end].trimmingCharacters(in: .whitespaces)
            if value.hasPrefix("=") { value = value.dropFirst().trimmingCharacters(in: .whitespaces) }
            return (mark.output.1.lowercased(), value)
        }
    }

    func prompt() throws(Problem) -> PromptFile.Prompt {
        var prompt = PromptFile.Prompt(text)
        if let twice = options.indices.first(where: { index in options[..<index].contains { $0.name == options[index].name } }) {
            throw Problem("--\(options[twice].name) stands twice")
        }
        for (name, value) in options {
            switch name {
            case "n": prompt.negative = value
            case "w": prompt.width = try number(name, value, in: 8...16384)
            case "h": prompt.height = try number(name, value, in: 8...16384)
            case "s": prompt.steps = try number(name, value, in: 1...1000)
            case "d": prompt.seed = try number(name, value, in: 0...UInt64.max)
            case "l":
                guard let guidance = Double(value), (0...1000).contains(guidance) else {
                    throw Problem("--l takes a number from 0 to 1000, not \(value.isEmpty ? "nothing" : value)")
                }
                prompt.guidance = guidance
            default: throw Problem("--\(name) is not understood behind a prompt: there are \(Self.known); words of a prompt go without the two dashes")
            }
        }
        if text.isEmpty { throw Problem("no prompt stands before --\(options.first?.name ?? "")") }
        return prompt
    }

    private func number<Number: FixedWidthInteger>(_ name: String, _ value: String, in range: ClosedRange<Number>) throws(Problem) -> Number {
        guard let number = Number(value), range.contains(number) else {
            throw Problem("--\(name) takes a whole number from \(range.lowerBound) to \(range.upperBound), not \(value.isEmpty ? "nothing" : value)")
        }
        return number
    }
}
