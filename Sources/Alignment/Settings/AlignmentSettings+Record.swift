import Foundation
import Storage
import Yams

/// Settings as `run.yaml` and `--config` have them.
extension AlignmentSettings {
    /// Every setting that has a value, under its name in a file.
    func fields() throws -> [String: JSONValue] {
        var fields: [String: JSONValue] = [:]
        for setting in Self.all {
            let value = try setting.field(of: self)
            if value != .null { fields[setting.key] = value }
        }
        return fields
    }

    /// The settings of a file; what it does not name has its default. Throws where a value is of another type; other names are passed over.
    init(fields: [String: JSONValue]) throws {
        self = Self.standard
        for setting in Self.all {
            if let value = fields[setting.key] { try setting.set(value, in: &self) }
        }
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

    /// What all processes of a run must have been given alike: a line for every setting that changes numbers.
    public func comparedText() throws -> String {
        let names = Set(Self.all.filter(\.changesNumbers).map(\.key))
        return try fields().filter { names.contains($0.key) }.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text)" }.joined(separator: "\n")
    }

    /// Name and value of every setting, for people, of paths the last part: whoever is shown a report need not know where it was made.
    public var facts: [(name: String, value: String)] {
        get throws {
            try Self.all.compactMap { setting in
                switch try setting.field(of: self) {
                case .null: nil
                case .string(let text): (setting.key, Self.shortened(text))
                case let value: (setting.key, value.text)
                }
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
        var fields: [String: JSONValue]
        do {
            fields = try self.fields(yaml: RegularFile.text(directory.configuration))
        } catch let error as YAMLOptionsError {
            throw RunError.foreignSettings(path, reason: "it \(error)")
        } catch {
            throw RunError.foreignSettings(path, reason: "it cannot be read as settings")
        }
        let alwaysRecorded: [PartialKeyPath<AlignmentSettings>] = [
            \.model.path, \.data.winners, \.optimisation.iterations, \.optimisation.updates, \.optimisation.batch, \.run.seed,
        ]
        for setting in alwaysRecorded.map(setting(at:)) where fields[setting.key] == nil {
            throw RunError.foreignSettings(path, reason: "it says no \(setting.key)")
        }
        let standard = try Self.standard.fields()
        for setting in all where fields[setting.key] == nil {
            switch setting.unrecorded {
            case .standard: fields[setting.key] = standard[setting.key]
            case .value(let value): fields[setting.key] = value
            case .asNow: break
            }
        }
        guard (try? AlignmentSettings(fields: fields)) != nil else { throw RunError.foreignSettings(path, reason: "its values are none of a run's") }
        return fields
    }

    /// Throws where a run that was begun with other settings would come out otherwise.
    func refuseChanges(from recorded: [String: JSONValue]) throws {
        let now = try fields()
        let settings = Dictionary(uniqueKeysWithValues: Self.all.map { ($0.key, $0) })
        let changes = Set(recorded.keys).union(now.keys).sorted().filter { key in
            switch (settings[key], recorded[key]) {
            case (let setting?, _) where !setting.changesNumbers: false
            case (let setting?, nil): if case .asNow = setting.unrecorded { false } else { true }
            case (_, let value): value != now[key]
            }
        }
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
