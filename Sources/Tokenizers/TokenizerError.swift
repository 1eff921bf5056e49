/// Why a tokenizer could not be read, written or trained: which file, where in it, what is wrong and what to do.
public struct TokenizerError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Equatable, Sendable {
        /// A file is absent, not a regular file, too large, or could not be read or written.
        case file
        /// A file is not UTF-8, not JSON, or a value in it has the wrong type.
        case format
        /// The vocabulary contradicts itself: an id used twice or out of range, a merge or special token without a piece.
        case vocabulary
        /// The files ask for something CLIP text encoders do not do, such as padding on the left.
        case unsupported
        /// An argument of a call is out of its range.
        case argument
    }

    public let kind: Kind
    /// The file's name (`merges.txt`), or the call, for an argument.
    public let file: String
    /// The line, key or token, empty if the file as a whole is meant.
    public let place: String
    public let problem: String
    public let remedy: String

    init(_ kind: Kind, _ file: String, at place: String = "", _ problem: String, remedy: String) {
        self.kind = kind
        self.file = file
        self.place = place
        self.problem = problem
        self.remedy = remedy
    }

    public var description: String {
        "\(file)\(place.isEmpty ? "" : ", \(place)"): \(problem). \(remedy)."
    }
}

extension String {
    /// The text, quoted, for an error message: outside bytes may be long or hold control characters that would disturb a terminal.
    package var quotedForMessage: String {
        var shown = ""
        for scalar in unicodeScalars.prefix(40) { shown += scalar.escaped(asASCII: false) }
        return "\"\(shown)\(unicodeScalars.dropFirst(40).isEmpty ? "" : "…")\""
    }
}
