/// What a user should look at: divergence of the winner's own error and saturation of the margins.
struct Alarms {
    /// Updates that are averaged: one batch alone is too noisy.
    private let window: Int

    static let divergenceFactor = 1.5
    static let saturation = 10.0

    /// A tenth of the run: over a twentieth of 210 updates of 16 examples, chance alone raised the alarm.
    init(totalUpdates: Int) { window = max(1, totalUpdates / 10) }

    /// The alarms of an update. The first errors are kept in `counters`, so that a resumed run measures against the same start.
    func raised(by entry: LoggedUpdate, margins: [Double], _ counters: inout RunState.Counters) -> [String]? {
        var raised: [String] = []
        if let error = entry.winnerError {
            if counters.firstWinnerErrors.count < window { counters.firstWinnerErrors.append(error) }
            counters.recentWinnerErrors = Array((counters.recentWinnerErrors + [error]).suffix(window))
            let first = counters.firstWinnerErrors.reduce(0, +) / Double(counters.firstWinnerErrors.count)
            let latest = counters.recentWinnerErrors.reduce(0, +) / Double(counters.recentWinnerErrors.count)
            if counters.firstWinnerErrors.count == window, counters.recentWinnerErrors.count == window, latest > Self.divergenceFactor * first {
                raised.append("divergence: the winners' own error is above 1.5 times its first value")
            }
        }
        if !margins.isEmpty, margins.filter({ abs($0) > Self.saturation }).count * 2 > margins.count {
            raised.append("saturation: most margins are beyond ±10; beta or the learning rate is too large for this model and batch")
        }
        return raised.isEmpty ? nil : raised
    }
}
