import Foundation
import Storage
import Winners

/// A setting of a run, declared once: the command line, YAML files, the comparison before a resume, reports and the documentation take from here what they
/// say of it.
public struct Setting<Value: Codable & Equatable & Sendable>: SettingDeclaration {
    public let path: WritableKeyPath<AlignmentSettings, Value> & Sendable
    public let name: String
    public let help: String
    public let changesNumbers: Bool
    public let unrecorded: Unrecorded
    /// What the default comes to, where its value does not say it.
    private let meaningOfDefault: String?
    private let range: SettingRange<Value>?

    /// - Parameters:
    ///   - path: where the value lies
    ///   - name: in kebab-case
    ///   - help: one phrase or more, without the default
    ///   - meaningOfDefault: what the default comes to, where its value does not say it
    ///   - range: which values make sense, whatever the others are
    ///   - changesNumbers: whether a run that goes on with another value would come out otherwise
    ///   - unrecorded: what a run had that recorded no value
    init(
        _ path: WritableKeyPath<AlignmentSettings, Value> & Sendable, _ name: String, _ help: String, default meaningOfDefault: String? = nil,
        in range: SettingRange<Value>? = nil, changesNumbers: Bool = true, unrecorded: Unrecorded = .standard
    ) {
        (self.path, self.name, self.help, self.meaningOfDefault, self.range) = (path, name, help, meaningOfDefault, range)
        (self.changesNumbers, self.unrecorded) = (changesNumbers, unrecorded)
    }

    /// A setting that every command has which reads a data set.
    init(_ path: WritableKeyPath<AlignmentSettings, Value> & Sendable, _ choice: ReadingChoice) {
        self.init(path, choice.name, choice.help, default: choice.standard)
    }

    public var location: PartialKeyPath<AlignmentSettings> { path }
    public var choices: [String] { NamedChoices.names(of: Value.self) }
    public var rangeWords: String? { range?.words }

    public func text(of settings: AlignmentSettings) -> String? {
        if let meaningOfDefault, settings[keyPath: path] == AlignmentSettings.standard[keyPath: path] { return meaningOfDefault }
        return (try? field(of: settings)).flatMap(Self.text)
    }

    public func check(_ settings: AlignmentSettings) throws {
        let value = settings[keyPath: path]
        if let range, !range.contains(value) { throw RunError.setting("\(name) is \(Self.text(value)): it must \(range.words)") }
    }

    public func field(of settings: AlignmentSettings) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(settings[keyPath: path]))
    }

    public func set(_ field: JSONValue, in settings: inout AlignmentSettings) throws {
        settings[keyPath: path] = try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(field))
    }

    private static func text(_ value: Value) -> String {
        if let optional = value as? any OptionalValue { return optional.textOfWrapped }
        return "\(value)"
    }

    private static func text(_ field: JSONValue) -> String? {
        switch field {
        case .null, .object: nil
        case .bool(let isOn): isOn ? "yes" : "no"
        // As people write it: 2e-5, not 2e-05.
        case .number(let number): Int(exactly: number).map(String.init) ?? "\(number)".replacingOccurrences(of: "e-0", with: "e-")
        case .string(let text): text.isEmpty ? nil : text
        case .array(let values): values.compactMap(text).joined(separator: ", ")
        }
    }
}

/// What is known of a setting without the type of its value.
public protocol SettingDeclaration: Sendable {
    /// In kebab-case, as an option is called.
    var name: String { get }
    /// What it does, without its default.
    var help: String { get }
    /// Whether a run that goes on with another value would come out otherwise: such a resume is refused.
    var changesNumbers: Bool { get }
    /// What a run had that recorded no value, having been begun by a program without the setting.
    var unrecorded: Unrecorded { get }
    var location: PartialKeyPath<AlignmentSettings> { get }
    /// The values, where they have names.
    var choices: [String] { get }
    /// Follows "must"; nil where every value makes sense.
    var rangeWords: String? { get }

    /// The value as people write it; nil for none.
    func text(of settings: AlignmentSettings) -> String?
    /// Throws `RunError.setting` where the value is out of its range.
    func check(_ settings: AlignmentSettings) throws
    /// The value as a file has it; `null` for none.
    func field(of settings: AlignmentSettings) throws -> JSONValue
    /// Takes a value from a file. Throws where it is of another type.
    func set(_ field: JSONValue, in settings: inout AlignmentSettings) throws
}

extension SettingDeclaration {
    /// In snake_case, as files have it.
    public var key: String { name.replacingOccurrences(of: "-", with: "_") }
}

/// What a run had of a setting that it did not record.
public enum Unrecorded: Sendable {
    /// The setting's default.
    case standard
    case value(JSONValue)
    /// Whatever it is now.
    case asNow
}

private protocol OptionalValue { var textOfWrapped: String { get } }

extension Optional: OptionalValue {
    fileprivate var textOfWrapped: String { map { "\($0)" } ?? "none" }
}
