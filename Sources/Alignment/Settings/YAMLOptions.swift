import Yams

/// Options in a YAML file: names with a text, a number, a flag or nothing, or with a list of these. More is not wanted, and not built: Yams traps at
/// keys that are no texts, and a file of a few lines can repeat itself into gigabytes.
public enum YAMLOptions {
    /// - Returns: values as Yams makes them: `String`, `Int`, `UInt`, `Double`, `Bool`, `NSNull`, dates, and lists of these; nil for an empty file
    /// - Throws: `YamlError`, or ``YAMLOptionsError`` for anything else than options
    public static func read(_ text: String) throws -> [String: Any]? {
        guard let node = try Yams.compose(yaml: text) else { return nil }
        if case .scalar(let scalar) = node, scalar.string.isEmpty { return nil }
        guard case .mapping(let mapping) = node else { throw YAMLOptionsError.noOptions }
        var options: [String: Any] = [:]
        for (key, value) in mapping {
            guard case .scalar(let name) = key else { throw YAMLOptionsError.noName(line: key.mark?.line) }
            switch value {
            case .scalar: options[name.string] = value.any
            case .sequence(let list):
                guard list.allSatisfy({ if case .scalar = $0 { true } else { false } }) else { throw YAMLOptionsError.nested(name.string) }
                options[name.string] = list.map(\.any)
            default: throw YAMLOptionsError.nested(name.string)
            }
        }
        return options
    }
}

public enum YAMLOptionsError: Error, Equatable, CustomStringConvertible {
    case noOptions
    case noName(line: Int?)
    case nested(String)

    public var description: String {
        switch self {
        case .noOptions: "is not a list of `option: value`"
        case .noName(let line): "the name of an option is not a text\(line.map { " (line \($0))" } ?? "")"
        case .nested(let name): "\(name) must be a text, a number, true or false, or a list of these"
        }
    }
}
