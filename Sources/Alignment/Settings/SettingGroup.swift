import Diffusion

/// Settings that configure the same, under the title that help and documentation give them.
public struct SettingGroup: Sendable {
    public let title: String
    public let settings: [any SettingDeclaration]

    init(_ title: String, _ settings: [any SettingDeclaration]) { (self.title, self.settings) = (title, settings) }
}

extension AlignmentSettings {
    /// Every setting, in the order of help and documentation.
    public static let groups = [
        ModelSettings.declared, DataSettings.declared, ClipSettings.declared, ObjectiveSettings.declared, SamplingSettings.declared,
        OptimisationSettings.declared, AdapterSettings.declared, ComputationSettings.declared, ValidationSettings.declared, RunSettings.declared,
    ]

    public static let all = groups.flatMap(\.settings)

    /// The declaration of the setting that lies there.
    public static func setting(at path: PartialKeyPath<AlignmentSettings>) -> any SettingDeclaration {
        guard let setting = all.first(where: { $0.location == path }) else { preconditionFailure("no setting is declared at \(path)") }
        return setting
    }

    /// Every default; the model and the winners have none.
    static let standard = AlignmentSettings(model: "", winners: "")

    /// The defaults of the built-in model.
    static let standardOfScenes = preset(model: BuiltInModel.name, winners: "")
}

extension SettingDeclaration {
    /// The default as people write it; nil for none.
    public var standardText: String? { location == \AlignmentSettings.model.path ? nil : text(of: .standard) }

    /// The built-in model's default, where it has one of its own.
    public var standardTextOfScenes: String? {
        let text = text(of: .standardOfScenes)
        return location == \AlignmentSettings.model.path || text == self.text(of: .standard) ? nil : text
    }

    /// What the setting does, and its default.
    public var helpWithDefault: String {
        guard let standardText else { return help }
        return "\(help) Default: \(standardText)" + (standardTextOfScenes.map { "; with `scenes` \($0)" } ?? "") + "."
    }
}
