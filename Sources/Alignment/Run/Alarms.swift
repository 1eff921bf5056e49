/// What a user should look at: divergence of the winners' own error, saturation of the margins, updates that were left out.
struct Alarms {
    let totalUpdates: Int

    static let divergenceFactor = 1.5
    static let saturation = 10.0
    /// In a short log a single update is much of it.
    private static let fewestUpdates = 50

    /// The alarms of an update.
    /// - Parameters:
    ///   - margins: of its examples
    ///   - errors: of the latest winners
    ///   - skipped: updates of the run that were left out, this one included
    func raised(by entry: LoggedUpdate, margins: [Double], errors: PairedErrors, skipped: Int) -> [String]? {
        var raised: [String] = []
        if errors.lieAbove(Self.divergenceFactor) {
            raised.append("divergence: the winners' own error is above 1.5 times that of checkpoint 0")
        }
        if !margins.isEmpty, margins.filter({ abs($0) > Self.saturation }).count * 2 > margins.count {
            raised.append("saturation: most margins are beyond ±10; beta or the learning rate is too large for this model and batch")
        }
        if entry.skipped?.count ?? 0 > 0 {
            if skipped * 10 > max(entry.update, min(totalUpdates, Self.fewestUpdates)) {
                raised.append("skipped: more than a tenth of the updates so far were left out, because their loss or gradient was not finite")
            }
            if entry.update == totalUpdates, skipped < totalUpdates {
                raised.append("skipped: the last updates were left out, because their loss or gradient was not finite; the model is that of the update before")
            }
        }
        return raised.isEmpty ? nil : raised
    }
}
