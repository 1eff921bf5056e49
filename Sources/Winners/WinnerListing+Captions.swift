import Storage

/// What the forms of data sets have in common in how they state captions: a text, or a list of texts of which each example takes one.
extension WinnerListing {
    /// More is no caption, and must not fill the memory.
    static let longestCaption = 1 << 20
    private static let mostCaptions = 1000

    /// The captions among some texts: those that say something.
    mutating func captions(_ texts: [String]) throws(RowError) -> [String] {
        guard texts.count <= Self.mostCaptions, texts.reduce(0, { $0 + $1.utf8.count }) <= Self.longestCaption else {
            throw RowError("the caption is too long")
        }
        let captions = texts.map { caption($0) }.filter { !$0.isEmpty }
        if captions.isEmpty { throw RowError("the caption is empty") }
        return captions
    }

    mutating func captions(utf8 texts: [[UInt8]]) throws(RowError) -> [String] {
        var found: [String] = []
        for text in texts {
            do { found.append(try UTF8Text.string(text)) } catch { throw RowError("the caption \(error)") }
        }
        return try captions(found)
    }

    /// The captions that a value in a JSON object states.
    /// - Parameter name: of the value, for errors
    mutating func captions(_ value: JSONValue, named name: String) throws(RowError) -> [String] {
        var texts: [String] = []
        switch value {
        case .string(let text): texts = [text]
        case .array(let elements):
            for element in elements where element != .null {
                guard case .string(let text) = element else { throw RowError("\(name) is a list that holds \(element.typeInWords), not texts alone") }
                texts.append(text)
            }
        default: throw RowError("\(name) is \(value.typeInWords), which is no caption: a text or a list of texts is needed")
        }
        return try captions(texts)
    }
}

extension JSONValue {
    var typeInWords: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .number: "a number"
        case .string: "a text"
        case .array: "a list"
        case .object: "an object"
        }
    }
}
