import Foundation

/// A rule of PEFT's `rank_pattern` and `alpha_pattern`: a regular expression for the end of a layer's path, from a dot on.
///
/// PEFT's `get_pattern_key` takes `re.match(r"(.*\.)?(RULE)$", path)`. Almost all rules are paths, in which a dot fits any character; of
/// others those are read whose matching cannot take for ever.
struct LayerPattern {
    private let rule: Rule

    /// Whether it is more than a path, and so costs more to match.
    var isExpression: Bool { if case .expression = rule { true } else { false } }

    private enum Rule {
        case path([UInt8], isWhole: Bool)
        case expression(NSRegularExpression)
    }

    /// Nil for a rule that is not read.
    init?(_ text: String) {
        let isWhole = text.hasPrefix("^")
        let path = text.dropFirst(isWhole ? 1 : 0)
        if path.utf8.allSatisfy(Self.isPlain) {
            rule = .path(Array(path.utf8), isWhole: isWhole)
            return
        }
        let quantifiers = text.count { "*+?".contains($0) }
        guard text.count <= 500, quantifiers <= 3, text.wholeMatch(of: /([A-Za-z0-9_.^$*+?()|\[\]-]|\\[.dw])+/) != nil,
            !text.contains(/\)[*+?]/), let expression = try? NSRegularExpression(pattern: #"^(.*\.)?(\#(text))$"#)
        else { return nil }
        rule = .expression(expression)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
        }
    }

    func matches(_ path: String) -> Bool {
        switch rule {
        case .path(let pattern, let isWhole):
            let path = Array(path.utf8)
            let start = path.count - pattern.count
            guard start == 0 || start > 0 && !isWhole && path[start - 1] == UInt8(ascii: ".") else { return false }
            return zip(pattern, path[start...]).allSatisfy { $0 == UInt8(ascii: ".") || $0 == $1 }
        case .expression(let expression):
            return expression.firstMatch(in: path, range: NSRange(path.startIndex..., in: path)) != nil
        }
    }
}
