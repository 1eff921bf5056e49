import Alignment
import Foundation
import Storage

extension Comparison {
    /// Compares checkpoint `k` of a run with its base model on the winners that were held out, as they were measured on the way.
    /// - Returns: nil where none was held out, or where either was not measured
    public init?(heldOutOf directory: RunDirectory, k: Int) throws {
        let validations = directory.validations
        guard validations.count > k, let before = validations[0].errors, let after = validations[k].errors, !after.isEmpty,
            let lines = try? Data(contentsOf: directory.heldOut)
        else { return nil }
        let winners = try JSONLinesReader(lines).map { try $0.decoded(HeldOutWinner.self) }
        guard winners.count == before.count, winners.count == after.count else { return nil }
        func records(_ errors: [Double]) -> [ImageScores] {
            zip(winners, errors).map { winner, error in
                ImageScores(caption: winner.caption, seed: UInt64(winner.row), guidance: 1, scores: ["denoising_error": error])
            }
        }
        try self.init(records(after), base: records(before))
    }
}
