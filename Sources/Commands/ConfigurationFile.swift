import ArgumentParser
import Foundation
import Storage
import Yams

/// `--config FILE`: its options are put before those of the command line, which win; both are checked alike.
package struct ConfigurationFile {
    private let path: String
    private let declared: DeclaredOptions

    /// The arguments as the parser takes them: with the file's options, and values that begin with a dash joined to their option.
    package static func expanded(_ arguments: [String], of root: any ParsableCommand.Type) throws -> [String] {
        guard let declared = DeclaredOptions(of: arguments, root) else { return arguments }
        let command = declared.command
        var rest = Array(arguments.dropFirst(command.count))
        guard let position = rest.firstIndex(where: { $0 == "--config" || $0.hasPrefix("--config=") }) else {
            return command + declared.withDashedValuesJoined(rest)
        }
        let path: String
        if rest[position] == "--config" {
            guard position + 1 < rest.count else { throw ValidationError("--config needs a file") }
            path = rest[position + 1]
            rest.removeSubrange(position...position + 1)
        } else {
            path = String(rest.remove(at: position).dropFirst("--config=".count))
        }
        guard !rest.contains(where: { $0 == "--config" || $0.hasPrefix("--config=") }) else { throw ValidationError("give one --config, not several") }
        _ = try Place.path(path)
        rest = declared.withDashedValuesJoined(rest)
        // The command itself is told of the file, too: it must not write there.
        return command + (try ConfigurationFile(path: path, declared: declared).options(without: rest)) + ["--config=\(path)"] + rest
    }

    /// The file's options as arguments, without those that the command line gives.
    private func options(without given: [String]) throws -> [String] {
        guard let entries = try content() else { return [] }
        return try entries.sorted { $0.key < $1.key }.flatMap { key, value -> [String] in
            let name = key.replacingOccurrences(of: "_", with: "-")
            guard let option = declared.options[name], !key.contains("-"), !["config", "help", "version"].contains(key) else {
                let hint = key.contains("-") && declared.options[key] != nil ? "; here it is \(key.replacingOccurrences(of: "-", with: "_"))" : ""
                throw ValidationError("\(path): unknown option \(key)\(hint)")
            }
            guard !given.contains(where: { $0 == "--" + name || $0.hasPrefix("--\(name)=") }) else { return [] }
            if value is NSNull { return [] }
            if option.isFlag {
                guard let isSet = value as? Bool else { throw ValidationError("\(path): \(key) must be true or false") }
                return isSet ? ["--" + name] : []
            }
            let values = option.isRepeating ? value as? [Any] ?? [value] : [value]
            return try values.map { try text($0, key) }.flatMap { $0.isEmpty ? ["--" + name, $0] : ["--\(name)=\($0)"] }
        }
    }

    private func content() throws -> [String: Any]? {
        do {
            return try YAMLOptions.read(RegularFile.text(URL(fileURLWithPath: path)))
        } catch let error as YamlError {
            throw ValidationError("\(path): \(error)")
        } catch let error as YAMLOptionsError {
            throw ValidationError("\(path): \(error)")
        } catch let error as UnreadableFile {
            throw ValidationError("\(path): \(error.problem)")
        }
    }

    private func text(_ value: Any, _ key: String) throws -> String {
        switch value {
        case let text as String: return text
        case let number as Int: return "\(number)"
        case let number as UInt: return "\(number)"
        case let number as Double: return "\(number)"
        default: throw ValidationError("\(path): \(key) must be a text or a number; put a text such as yes or 2020-01-01 in quotes")
        }
    }
}
