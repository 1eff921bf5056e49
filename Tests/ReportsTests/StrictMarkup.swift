import Foundation

/// A reader of HTML that forgives nothing: what a browser would mend without a word is an error here.
struct StrictMarkup {
    struct Fault: Error, Equatable, CustomStringConvertible {
        let line: Int
        let description: String
    }

    private static let void: Set<String> = ["meta", "img", "br", "hr", "link", "input", "col"]
    private var rest: Substring
    private let whole: String
    private var open: [String] = []
    private var ids: Set<String> = []
    private(set) var elements: [String: Int] = [:]

    /// Throws the first fault: an element that is not closed where it was opened, an attribute that is not quoted or stands twice, an id used twice,
    /// a bare `<` or `&`, a control character, text outside the document.
    init(_ page: String) throws(Fault) {
        (whole, rest) = (page, page[...])
        guard skip("<!DOCTYPE html>\n") else { throw fault("no document type") }
        while !rest.isEmpty {
            if rest.hasPrefix("</") { try readEnd() } else if rest.hasPrefix("<") { try readStart() } else { try readText() }
        }
        if let left = open.last { throw fault("<\(left)> is never closed") }
        guard elements["html"] == 1, elements["body"] == 1 else { throw fault("no document") }
    }

    private func fault(_ what: String) -> Fault { Fault(line: whole[..<rest.startIndex].count(where: \.isNewline) + 1, description: what) }

    private mutating func skip(_ text: String) -> Bool {
        guard rest.hasPrefix(text) else { return false }
        rest = rest.dropFirst(text.count)
        return true
    }

    private mutating func name() throws(Fault) -> String {
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ":") }
        guard let first = name.first, first.isLetter else { throw fault("no name: \(rest.prefix(20))") }
        rest = rest.dropFirst(name.count)
        return String(name)
    }

    private mutating func readStart() throws(Fault) {
        _ = skip("<")
        let element = try name()
        elements[element, default: 0] += 1
        var attributes: Set<String> = []
        while !rest.hasPrefix(">"), !rest.hasPrefix("/>") {
            guard let space = rest.first, space == " " || space == "\n" else { throw fault("no space before an attribute of <\(element)>") }
            rest = rest.drop { $0 == " " || $0 == "\n" }
            let attribute = try name()
            guard attributes.insert(attribute).inserted else { throw fault("\(attribute) stands twice in <\(element)>") }
            guard skip("=\"") else { throw fault("\(attribute) of <\(element)> is not quoted") }
            let value = rest.prefix { $0 != "\"" }
            try check(value)
            guard !value.contains("<") else { throw fault("a bare < in \(attribute)") }
            rest = rest.dropFirst(value.count)
            guard skip("\"") else { throw fault("\(attribute) never ends") }
            if attribute == "id", !ids.insert(String(value)).inserted { throw fault("the id \(value) stands twice") }
        }
        let closes = skip("/")
        _ = skip(">")
        if element == "style" {
            guard let end = rest.range(of: "</style>") else { throw fault("a style never ends") }
            rest = rest[end.upperBound...]
        } else if !closes, !Self.void.contains(element) {
            open.append(element)
        }
    }

    private mutating func readEnd() throws(Fault) {
        _ = skip("</")
        let element = try name()
        guard open.last == element else { throw fault("</\(element)> closes <\(open.last ?? "nothing")>") }
        open.removeLast()
        guard skip(">") else { throw fault("</\(element) does not end") }
    }

    private mutating func readText() throws(Fault) {
        let text = rest.prefix { $0 != "<" }
        try check(text)
        guard !open.isEmpty || text.allSatisfy(\.isWhitespace) else { throw fault("text outside the document: \(text.prefix(20))") }
        rest = rest.dropFirst(text.count)
    }

    private func check(_ text: Substring) throws(Fault) {
        for scalar in text.unicodeScalars where scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t" {
            throw fault("a control character")
        }
        var after = text
        while let mark = after.firstIndex(of: "&") {
            after = after[after.index(after: mark)...]
            guard after.prefixMatch(of: /(amp|lt|gt|quot|nbsp|#[0-9]+);/) != nil else { throw fault("a bare & before \(after.prefix(12))") }
        }
    }
}
