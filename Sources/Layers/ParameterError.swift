import Storage

/// What a file's tensors and a configuration disagree about.
public struct ParameterError: Error, CustomStringConvertible {
    /// The file, where there is one.
    public let origin: String?
    public let missing: [String]
    /// Names, each with both shapes.
    public let misshaped: [String]
    /// In the file, but no part of the network.
    public let extra: [String]

    public init(origin: String?, missing: [String], misshaped: [String], extra: [String]) {
        (self.origin, self.missing, self.misshaped, self.extra) = (origin, missing, misshaped, extra)
    }

    public var description: String {
        let lists = [("missing", missing), ("misshaped", misshaped), ("not part of this configuration", extra)]
        let parts = lists.filter { !$0.1.isEmpty }.map { "\($0.0) (\($0.1.count)): \(Self.line($0.1))" }
        return (origin.map { $0 + ": " } ?? "") + "the tensors do not fit the configuration; " + parts.joined(separator: "; ")
    }

    /// A wrong file has thousands of wrong tensors; the whole lists are in the properties.
    private static func line(_ names: [String]) -> String {
        names.prefix(100).map(\.printable).joined(separator: ", ") + (names.count > 100 ? " and \(names.count - 100) more" : "")
    }
}
