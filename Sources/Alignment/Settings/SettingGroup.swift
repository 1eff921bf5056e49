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
}

extension SettingDeclaration {
    /// The default as people write it; nil for none.
    public var standardText: String? { location == \AlignmentSettings.model.path ? nil : text(of: .standard) }

    /// The defaults that built-in models have of their own: "with `scenes` 10; with `moving-scenes` 8"; nil where none has.
    public var standardTextOfBuiltInModels: String? {
        guard location != \AlignmentSettings.model.path else { return nil }
        let texts = BuiltInModel.allCases.compactMap { model -> String? in
            let own = text(of: .preset(model: model.rawValue, winners: ""))
            return own == text(of: .standard) ? nil : "with `\(model.rawValue)` \(own ?? "none")"
        }
        return texts.isEmpty ? nil : texts.joined(separator: "; ")
    }

    /// What the setting does, and its default.
    public var helpWithDefault: String {
        guard let standardText else { return help }
        return "\(help) Default: \(standardText)" + (standardTextOfBuiltInModels.map { "; \($0)" } ?? "") + "."
    }
}
