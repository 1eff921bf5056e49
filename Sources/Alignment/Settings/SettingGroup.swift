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
        ModelSettings.declared, DataSettings.declared, ObjectiveSettings.declared, SamplingSettings.declared, OptimisationSettings.declared,
        AdapterSettings.declared, ComputationSettings.declared, ValidationSettings.declared, RunSettings.declared,
    ]

    public static let all = groups.flatMap(\.settings)

    /// The declaration of the setting that lies there.
    public static func setting<Value>(_ path: KeyPath<AlignmentSettings, Value>) -> Setting<Value> {
        guard let setting = all.first(where: { $0.location == path }) as? Setting<Value> else { preconditionFailure("no setting is declared at \(path)") }
        return setting
    }

    /// Every default; the model and the winners have none.
    static let standard = AlignmentSettings(model: "", winners: "")
}
