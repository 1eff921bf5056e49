/// What every checkpoint is measured by.
public struct ValidationSettings: Sendable, Equatable {
    /// Share of the winners that is not trained on but measured at every checkpoint: at most 64 of them; 0: none.
    public var heldOut = 0.05
    /// Images that every checkpoint draws, at fixed prompts and seeds; 0: none.
    public var prompts = 4

    public static let declared = SettingGroup(
        "Validation",
        [
            Setting(
                \.validation.heldOut, "held-out", "Share of the winners that is not trained on but measured at every checkpoint, at most 64 of them.",
                // Runs held out nothing before.
                in: .between(0, 0.5), unrecorded: .value(.number(0))),
            Setting(
                \.validation.prompts, "validation-prompts", "Images that every checkpoint draws, at fixed prompts and seeds.", in: .between(0, 100),
                changesNumbers: false),
        ])
}
