import Encoding
import Foundation
import Storage
import Winners

extension HeldOutSplit {
    /// More tell little more, and cost at every checkpoint.
    static let mostMeasured = 64

    /// Of a run's winners.
    init(of winners: EncodedWinners, _ settings: AlignmentSettings) {
        self.init(winners.winners, share: settings.validation.heldOut, seed: settings.run.seed, most: Self.mostMeasured)
    }

    /// Refuses a run that has held out other winners than these so far, as programs with another rule did: what it measured would be trained on.
    /// - Parameter usable: those of the rows held out whose images can be decoded
    static func requireSame(_ usable: [Int], as directory: RunDirectory) throws {
        guard try RunState.newest(directory) != nil else { return }
        let lines = JSONLinesReader((try? Data(contentsOf: directory.heldOut)) ?? Data())
        let recorded = lines.map { (try? $0.decoded(HeldOutWinner.self))?.row }
        guard recorded != usable else { return }
        throw RunError.differs([
            "winners held out: \(directory.heldOut.path) names others than are held out now, or is not whole: "
                + "an earlier version chose them, by another rule, and can go on with the run"
        ])
    }
}
