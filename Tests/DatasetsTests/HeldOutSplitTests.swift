import Foundation
import Testing

@testable import Datasets

@Suite struct HeldOutSplitTests {
    private struct Bytes: ImageSource {
        func bytes() throws(ImageError.Reason) -> [UInt8] { throw .empty }
    }

    private func winner(_ image: Int, _ caption: String) -> Winner {
        Winner(image: ImageReference(Bytes(), name: "\(image)", bytes: [UInt8(image >> 8), UInt8(image & 255)]), caption: caption)
    }

    private func names(_ winners: [Winner]) -> Set<String> { Set(winners.map { $0.image.name + $0.caption }) }

    @Test func sharesAreMetOnAverage() {
        let winners = (0..<2000).map { winner($0, "caption \($0)") }
        for share in [0.1, 0.5] {
            let split = HeldOutSplit(winners, share: share, seed: 0)
            #expect(split.train.count + split.heldOut.count == 2000)
            // Four standard deviations.
            #expect(abs(Double(split.heldOut.count) / 2000 - share) < 4 * (share * (1 - share) / 2000).squareRoot())
        }
        let (a, b) = (HeldOutSplit(winners, share: 0.1, seed: 0), HeldOutSplit(winners, share: 0.1, seed: 1))
        #expect(names(a.heldOut) == names(HeldOutSplit(winners.reversed(), share: 0.1, seed: 0).heldOut))
        #expect(names(a.heldOut) != names(b.heldOut))
        #expect(names(a.heldOut).isSuperset(of: names(HeldOutSplit(Array(winners.prefix(1000)), share: 0.1, seed: 0).heldOut)), "others came, none moved")
    }

    @Test func neitherCaptionsNorImagesAreShared() {
        // Every caption twice, and every third image under the next caption too.
        let winners = (0..<300).flatMap { [winner($0, "caption \($0 / 2)")] + ($0 % 3 == 0 ? [winner($0, "caption \($0 / 2 + 1)")] : []) }
        let split = HeldOutSplit(winners, share: 0.3, seed: 7)
        #expect(!split.train.isEmpty && !split.heldOut.isEmpty)
        #expect(Set(split.train.map(\.caption)).isDisjoint(with: split.heldOut.map(\.caption)))
        #expect(Set(split.train.map(\.image.digest)).isDisjoint(with: split.heldOut.map(\.image.digest)))
    }
}
