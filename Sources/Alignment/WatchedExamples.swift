/// The examples whose winner's error is measured under checkpoint 0 too, where that is not the reference anyway: so many that this takes a fiftieth of a
/// run's forward passes, and more of the first ones, for a run that diverges does so early.
///
/// The choice depends on an example's number alone: the same whatever the micro-batch, the threads or a resume.
struct WatchedExamples: Sendable {
    private let interval: Int

    private static let share = 0.02
    private static let first = 128
    private static let intervalOfFirst = 4

    init(_ settings: AlignmentSettings) { interval = Int((1 / (Self.share * settings.forwardPasses)).rounded(.up)) }

    func contains(_ number: Int) -> Bool {
        number.isMultiple(of: number < Self.first ? min(interval, Self.intervalOfFirst) : interval)
    }
}

extension AlignmentSettings {
    /// What an example costs, in forward passes of the UNet on one latent; a gradient counts as two.
    var forwardPasses: Double {
        guard row.comparesPairs else { return 3 }
        let drawing = row.losers == .sampled ? Double(sampling.steps) * (sampling.guidance > 1 ? 2 : 1) : 0
        return 8 + drawing + 2 * Double(objective.anchorDraws)
    }
}
