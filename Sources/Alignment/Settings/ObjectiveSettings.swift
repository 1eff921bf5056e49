/// What is minimised: the method's row with its overrides, and the numbers of its loss.
public struct ObjectiveSettings: Sendable, Equatable {
    public var method: Method.Name = .seppo
    /// Overrides of the method's row.
    public var reference: ReferenceRule?
    public var flip: Flip?
    public var losers: LosingSource?
    /// Whether the reference is drawn for every update or once an iteration.
    public var referenceDraw = AlignmentSettings.ReferenceDraw.update
    public var beta = 2000.0
    /// Extra draws of (t, ε) that the flip's criterion is averaged over, beside the loss's own.
    public var anchorDraws = 0
    /// Whether winner and losing sample get timesteps and noise of their own.
    public var unshareNoise = false

    public static let declared = SettingGroup(
        "Method",
        [
            Setting(\.objective.method, "method", "Row of the method table."),
            Setting(\.objective.reference, "reference", "Which earlier checkpoint is the reference.", default: "the method's"),
            Setting(\.objective.flip, "flip", "When a reference sample counts as a loser.", default: "the method's"),
            Setting(\.objective.losers, "losers", "Where losing samples come from.", default: "the method's"),
            Setting(\.objective.referenceDraw, "reference-draw", "Draw the reference for every update, or once an iteration."),
            Setting(\.objective.beta, "beta", "Temperature of the preference loss, as in the Diffusion-DPO code.", in: .positive),
            Setting(\.objective.anchorDraws, "anchor-draws", "Extra draws of timestep and noise that decide the flip.", in: .between(0, 1000)),
            Setting(\.objective.unshareNoise, "unshare-noise", "Give winner and losing sample timesteps and noise of their own."),
        ])
}
