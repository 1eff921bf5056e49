extension CLIPTokenizer {
    /// Whether the text encoder reads only the beginning of a text.
    public func truncates(_ text: String) -> Bool { encode(text).count > maximumLength }

    /// A sentence on how many of some texts the text encoder reads only the beginnings of; nil where there are none.
    /// - Parameter name: of one of them
    public func truncationNote(of texts: [String], called name: String = "caption") -> String? {
        Self.truncationNote(texts.count(where: truncates), of: texts.count, called: name, limit: maximumLength)
    }

    /// The same where they were counted already.
    public static func truncationNote(_ count: Int, of total: Int, called name: String = "caption", limit: Int = defaultMaximumLength) -> String? {
        guard count > 0 else { return nil }
        let which = total == 1 ? "the \(name) is" : "\(count) of \(total) \(name)s \(count == 1 ? "is" : "are")"
        return "\(which) longer than \(limit) tokens: the model sees only \(count == 1 ? "its beginning" : "their beginnings")"
    }
}
