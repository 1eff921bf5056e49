import Datasets
import Diffusion
import Foundation
import Torch
import Yams

extension AlignmentSettings {
    /// Every setting under its name in a configuration file.
    func fields() throws -> [String: JSONValue] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try JSONDecoder().decode([String: JSONValue].self, from: encoder.encode(self))
    }

    /// The settings in a configuration file, whichever there are.
    public static func fields(yaml: String) throws -> [String: JSONValue] {
        let object = try YAMLOptions.read(yaml) ?? [:]
        guard JSONSerialization.isValidJSONObject(object) else { throw YAMLOptionsError.noOptions }
        return try JSONDecoder().decode([String: JSONValue].self, from: JSONSerialization.data(withJSONObject: object))
    }

    /// The resolved settings, as `--config` takes them.
    func yaml() throws -> String {
        try Yams.dump(object: fields().mapValues(\.yaml), sortKeys: true)
    }

    /// Name and value of every setting, for people, of paths the last part: whoever is shown a report need not know where it was made.
    public var facts: [(name: String, value: String)] {
        get throws {
            try fields().sorted { $0.key < $1.key }.map { entry in
                if case .string(let text) = entry.value { return (entry.key, Self.shortened(text)) }
                return (entry.key, entry.value.text)
            }
        }
    }

    private static func shortened(_ text: String) -> String {
        text.contains("/") ? "…/" + URL(fileURLWithPath: text).lastPathComponent : text
    }

    /// The settings that the run in a folder was begun with, by their names in `run.yaml`; nil where there is none. Throws where the file is something
    /// else.
    static func recorded(in directory: RunDirectory) throws -> [String: JSONValue]? {
        let path = directory.configuration.path
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        let fields: [String: JSONValue]
        do {
            fields = try self.fields(yaml: RegularFile.text(directory.configuration))
        } catch let error as YAMLOptionsError {
            throw RunError.foreignSettings(path, reason: "it \(error)")
        } catch {
            throw RunError.foreignSettings(path, reason: "it cannot be read as settings")
        }
        for name in ["model", "winners", "iterations", "updates", "batch", "seed"] where fields[name] == nil {
            throw RunError.foreignSettings(path, reason: "it says no \(name)")
        }
        // A setting that the run's program did not have yet was what its default is; it did not hold out any winners.
        let all = try AlignmentSettings(model: "", winners: "").fields().merging(["held_out": .number(0)]) { $1 }.merging(fields) { $1 }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard (try? decoder.decode(AlignmentSettings.self, from: JSONEncoder().encode(all))) != nil else {
            throw RunError.foreignSettings(path, reason: "its values are none of a run's")
        }
        return all
    }

    /// Throws where a run that was begun with other settings would come out otherwise.
    func refuseChanges(from recorded: [String: JSONValue]) throws {
        let now = try fields()
        // A run of an earlier version wrote no prediction type down.
        var recorded = recorded
        recorded["prediction"] = recorded["prediction"] ?? now["prediction"]
        // What changes no number of the training may change.
        let free: Set = ["save_every", "cache", "validation_prompts", "lora_names"]
        let names = Set(recorded.keys).union(now.keys).subtracting(free).sorted()
        let changes = names.filter { recorded[$0] != now[$0] }
        guard changes.isEmpty else {
            throw RunError.differs(changes.map { "\($0): was \(recorded[$0]?.text ?? "not set"), now \(now[$0]?.text ?? "not set")" })
        }
    }
}

extension JSONValue {
    /// As the YAML writer tells kinds apart: whole numbers, flags and texts by their types.
    fileprivate var yaml: Any {
        switch self {
        case .null: NSNull()
        case .bool(let value): value
        case .number(let value): Int(exactly: value).map { $0 as Any } ?? value
        case .string(let value): value
        case .array(let values): values.map(\.yaml)
        case .object(let entries): entries.mapValues(\.yaml)
        }
    }
}
