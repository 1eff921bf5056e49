import ArgumentParser
import Foundation
import Yams

/// `--config FILE`: its options are put before those of the command line, so that the latter win and both are checked alike.
enum ConfigurationFile {
    static func expanded(_ arguments: [String]) throws -> [String] {
        guard let position = arguments.firstIndex(where: { $0 == "--config" || $0.hasPrefix("--config=") }), !arguments.isEmpty else { return arguments }
        var rest = arguments
        let path: String
        if arguments[position] == "--config" {
            guard position + 1 < arguments.count else { throw ValidationError("--config needs a file") }
            path = arguments[position + 1]
            rest.removeSubrange(position...position + 1)
        } else {
            path = String(arguments[position].dropFirst("--config=".count))
            rest.remove(at: position)
        }
        // After the name of the command.
        rest.insert(contentsOf: try options(path), at: min(1, rest.count))
        return rest
    }

    private static func options(_ path: String) throws -> [String] {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw ValidationError("\(path): cannot be read: \(error.localizedDescription)")
        }
        guard let entries = try yaml(text, path) as? [String: Any] else { throw ValidationError("\(path): is not a list of `option: value`") }
        return try entries.sorted { $0.key < $1.key }.flatMap { key, value in
            guard key.allSatisfy({ $0.isLowercase || $0.isNumber || $0 == "_" }) else {
                throw ValidationError("\(path): unknown option \(key): names are in snake_case")
            }
            return try arguments("--" + key.replacingOccurrences(of: "_", with: "-"), value, "\(path): \(key)")
        }
    }

    private static func yaml(_ text: String, _ path: String) throws -> Any? {
        do {
            return try Yams.load(yaml: text)
        } catch {
            throw ValidationError("\(path): \(error)")
        }
    }

    private static func arguments(_ option: String, _ value: Any, _ place: String) throws -> [String] {
        switch value {
        case let flag as Bool: return flag ? [option] : []
        case let list as [Any]: return try list.flatMap { try arguments(option, $0, place) }
        case let text as String: return ["\(option)=\(text)"]
        case let number as Int: return ["\(option)=\(number)"]
        case let number as Double: return ["\(option)=\(number)"]
        case is NSNull: return []
        default: throw ValidationError("\(place): must be a text, a number, a flag or a list of these")
        }
    }
}
