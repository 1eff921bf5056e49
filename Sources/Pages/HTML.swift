/// A piece of HTML into which outside text cannot bring markup of its own: literal parts are taken as they stand, interpolated strings are escaped.
///
/// `"<p>\(caption)</p>"` is safe whatever the caption holds, in an element as well as in a quoted attribute, so no caller has to remember to escape.
package struct HTML: ExpressibleByStringInterpolation, Sendable {
    package private(set) var text: String

    package static let nothing: HTML = ""

    package init(stringLiteral value: String) { text = value }

    package init(stringInterpolation: Interpolation) { text = stringInterpolation.text }

    package static func += (page: inout HTML, piece: HTML) { page.text += piece.text }

    package struct Interpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        package init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity + 16 * interpolationCount) }

        package mutating func appendLiteral(_ literal: String) { text += literal }
        package mutating func appendInterpolation(_ piece: HTML) { text += piece.text }
        package mutating func appendInterpolation(_ pieces: [HTML]) { for piece in pieces { text += piece.text } }
        package mutating func appendInterpolation(_ number: Int) { text += String(number) }
        /// A coordinate, to a tenth of a pixel: finer is not visible, and a report has many.
        package mutating func appendInterpolation(_ coordinate: Double) {
            precondition(abs(coordinate) < 1e9, "a coordinate lies outside every page: \(coordinate)")
            let tenths = Int((coordinate * 10).rounded())
            text += tenths % 10 == 0 ? String(tenths / 10) : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
        }
        package mutating func appendInterpolation(_ outside: String) { text += HTML.escaped(outside) }
    }

    private static func escaped(_ outside: String) -> String {
        var escaped = ""
        escaped.reserveCapacity(outside.utf8.count)
        for scalar in outside.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\n", "\t": escaped.unicodeScalars.append(scalar)
            // HTML has no way to write a control character, not even as a number: show that one was there.
            case _ where scalar.properties.generalCategory == .control: escaped += "\u{FFFD}"
            // What turns the direction of writing would turn the page around it too.
            case "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
