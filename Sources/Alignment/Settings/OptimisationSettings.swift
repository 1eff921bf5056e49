/// How long, by how many winners at a time and how fast the policy is improved.
public struct OptimisationSettings: Sendable, Equatable {
    /// K, how often the policy joins the reference pool.
    public var iterations = 7
    /// U, updates an iteration.
    public var updates = 30
    /// Winners an update.
    public var batch = 16
    public var learningRate = 2e-5
    public var schedule = LearningRateSchedule.Shape.constant
    /// Updates over which the learning rate rises from zero.
    public var warmup = 0
    public var weightDecay = 1e-2
    public var gradientClip = 1.0
    /// Decay of the slowly following average of the policy's weights that becomes the resulting model; 0: the policy itself does.
    public var ema = 0.0

    public static let declared = SettingGroup(
        "Optimisation",
        [
            Setting(\.optimisation.iterations, "iterations", "How often the policy joins the references.", in: .between(1, 1_000_000)),
            Setting(\.optimisation.updates, "updates", "Updates an iteration.", in: .between(1, 1_000_000)),
            Setting(\.optimisation.batch, "batch", "Winners an update.", in: .between(1, 1_000_000)),
            Setting(
                \.optimisation.learningRate, "learning-rate", "Greatest learning rate; the default belongs to an effective batch of 2048.", in: .notNegative),
            Setting(\.optimisation.schedule, "schedule", "Shape of the learning rate over the updates."),
            Setting(\.optimisation.warmup, "warmup", "Updates over which the learning rate rises from zero.", in: SettingRange("be 0 or more") { $0 >= 0 }),
            Setting(\.optimisation.weightDecay, "weight-decay", "Decoupled weight decay of AdamW.", in: .between(0, 1000)),
            Setting(\.optimisation.gradientClip, "gradient-clip", "Greatest norm of the gradient.", in: .positive),
            Setting(
                \.optimisation.ema, "ema", "Decay of the average of the weights that becomes the aligned model; 0 is none.",
                in: SettingRange("be 0 or more and below 1") { (0..<1) ~= $0 }),
        ])
}
