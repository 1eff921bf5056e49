import Foundation
import Scoring

/// Numbers as a reader of the report sees them: few digits, a real minus sign, never a locale's comma.
extension Double {
    /// Three significant digits or so: 0.0312, 21.6, 1.2e−5, 12,800 as 12800.
    var short: String {
        guard isFinite else { return "–" }
        let size = Swift.abs(self)
        if size == 0 { return "0" }
        if size >= 1e6 || size < 1e-3 { return Self.trimmed(String(format: "%.2e", self)) }
        let decimals = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : size >= 0.1 ? 3 : 4
        return Self.trimmed(String(format: "%.\(decimals)f", self))
    }

    /// A score or a difference of scores to three decimals, or one fewer for every digit before the point beyond the first.
    var score: String {
        guard isFinite else { return "–" }
        let text = String(format: "%.\(scoreDecimals)f", self)
        return Self.proper(text.contains { ("1"..."9").contains($0) } ? text : text.replacingOccurrences(of: "-", with: ""))
    }

    /// As ``score``, with its sign.
    var signedScore: String { isFinite ? Self.proper(String(format: "%+.\(scoreDecimals)f", self)) : "–" }

    /// A share as a whole percentage: 0.834 → 83 %, with a thin space.
    var percent: String { isFinite ? Self.proper(String(format: "%.0f", self * 100)) + "\u{202F}%" : "–" }

    /// Seconds as a person says them: 0.42 s, 65 s, 3 min 20 s, 2 h 5 min.
    var seconds: String {
        guard isFinite, self < 1e9 else { return "–" }
        if self < 10 { return short + " s" }
        let whole = Int(rounded())
        if whole < 120 { return "\(whole) s" }
        if whole < 7200 { return "\(whole / 60) min" + (whole % 60 == 0 ? "" : " \(whole % 60) s") }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    private var scoreDecimals: Int { Swift.abs(self) < 10 ? 3 : Swift.abs(self) < 100 ? 2 : 1 }

    private static func trimmed(_ text: String) -> String {
        var parts = text.split(separator: "e").map(String.init)
        if parts[0].contains(".") {
            while parts[0].hasSuffix("0") { parts[0].removeLast() }
            if parts[0].hasSuffix(".") { parts[0].removeLast() }
        }
        guard parts.count == 2, let exponent = Int(parts[1]) else { return proper(parts[0]) }
        return proper("\(parts[0])e\(exponent)")
    }

    private static func proper(_ text: String) -> String { text.replacingOccurrences(of: "-", with: "\u{2212}") }
}

extension Interval {
    /// "0.131 to 0.160": the word keeps a minus sign from looking like a dash.
    var rangeText: String { "\(low.signedScore) to \(high.signedScore)" }
}

extension String {
    /// A key of a file as words: `pick_score` → pick score.
    var asWords: String { replacingOccurrences(of: "_", with: " ") }

    var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}

/// "a", "a and b", "a, b and c".
func list(_ items: [String]) -> String {
    items.count < 2 ? items.joined() : items.dropLast().joined(separator: ", ") + " and " + items.last!
}
