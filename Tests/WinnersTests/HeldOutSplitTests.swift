import Foundation
import Testing

@testable import Media
@testable import Winners

@Suite struct HeldOutSplitTests {
    private struct Bytes: ImageSource {
        func bytes() throws(ImageError.Reason) -> [UInt8] { throw .empty }
    }

    private func reference(_ image: Int) -> ImageReference {
        ImageReference(Bytes(), name: "\(image)", bytes: [UInt8(image >> 8), UInt8(image & 255)])
    }

    private func winner(_ image: Int, _ captions: String..., loser: Int? = nil) -> Winner {
        Winner(image: reference(image), captions: captions, loser: loser.map(reference))
    }

    /// Captions, as a tokenizer sees them, and pictures, winning and losing.
    private func parts(_ winners: [Winner], _ rows: [Int], captions: Bool = true) -> Set<String> {
        Set(
            rows.flatMap { row in
                let winner = winners[row]
                return (captions ? winner.captions.map { $0.lowercased() } : []) + [winner.image.digest] + (winner.loser.map { [$0.digest] } ?? [])
            })
    }

    private func sharesNothing(_ winners: [Winner], _ split: HeldOutSplit, captions: Bool = true) -> Bool {
        let isWhole = (split.heldOut + split.training).sorted() == Array(winners.indices)
        return isWhole && parts(winners, split.heldOut, captions: captions).isDisjoint(with: parts(winners, split.training, captions: captions))
    }

    @Test(arguments: [
        (19, 0.05, 0), (20, 0.05, 1), (20, 0.001, 1), (19, 0.001, 0), (60, 0.05, 3), (200, 0, 0), (200, 0.05, 10), (4, 0.5, 2), (1, 0.5, 0), (10, 0.9, 9),
        (5, 0.99, 4), (2000, 0.1, 200),
    ]) func counts(count: Int, share: Double, expected: Int) {
        let winners = (0..<count).map { winner($0, "caption \($0)") }
        let split = HeldOutSplit(winners, share: share, seed: 0)
        #expect(split.heldOut.count == expected && split.training.count == count - expected && split.rule == .captionsAndPictures)
        #expect(HeldOutSplit(winners, share: share, seed: 0, most: 64).heldOut.count == min(expected, 64))
        #expect((split.description == nil) == (share == 0))
    }

    @Test func itDependsOnCaptionsAndSeedAlone() {
        let winners = (0..<200).map { winner($0, "caption \($0 / 2)") }
        func captions(_ winners: [Winner], _ seed: UInt64) -> Set<String> {
            Set(HeldOutSplit(winners, share: 0.05, seed: seed).heldOut.map { winners[$0].caption })
        }
        #expect(captions(winners, 1) == captions(winners.reversed(), 1) && captions(winners, 1).count == 5)
        #expect(captions(winners, 1) != captions(winners, 2))
    }

    @Test func neitherCaptionsNorPicturesAreShared() {
        let sets: [String: [Winner]] = [
            // Every caption twice, and every third picture under the next caption too.
            "two captions on one picture": (0..<300).flatMap {
                [winner($0, "caption \($0 / 2)")] + ($0 % 3 == 0 ? [winner($0, "caption \($0 / 2 + 1)")] : [])
            },
            "one caption on two pictures": (0..<300).map { winner($0, "caption \($0 / 3)") },
            "lists of captions": (0..<300).map { winner($0, "own \($0)", "caption \($0 / 2)") },
            "captions that differ in case": (0..<300).map { winner($0, $0 % 2 == 0 ? "Caption \($0 / 2)" : "caption \($0 / 2)") },
            "losers that win elsewhere": (0..<300).map { winner($0, "caption \($0)", loser: $0 % 2 == 0 ? $0 + 1 : 1000 + $0) },
        ]
        for (name, winners) in sets {
            let split = HeldOutSplit(winners, share: 0.3, seed: 7)
            #expect(sharesNothing(winners, split), "\(name)")
            #expect(split.heldOut.count > winners.count / 4 && split.heldOut.count <= winners.count * 3 / 10 && split.rule == .captionsAndPictures, "\(name)")
        }
        // The twin: by rows alone, something is shared everywhere.
        for (name, winners) in sets {
            let rows = winners.indices.filter { $0 % 4 == 0 }
            let others = winners.indices.filter { $0 % 4 != 0 }
            #expect(!parts(winners, Array(rows)).isDisjoint(with: parts(winners, Array(others))), "\(name)")
        }
    }

    @Test func withFewCaptionsItIsByPictures() {
        let sets: [String: [Winner]] = [
            "one caption for everything": (0..<100).map { winner($0, "a cat") },
            "two captions": (0..<100).map { winner($0, $0 < 60 ? "a cat" : "a dog") },
            "one caption and another": (0..<100).map { winner($0, $0 < 99 ? "a cat" : "a dog") },
            "one caption, and pictures that come twice": (0..<100).map { winner($0 / 2, "a cat", "style \($0 % 2)") },
            "no captions of its own": (0..<100).map { winner($0, "a cat", "caption \($0)") },
        ]
        for (name, winners) in sets {
            let split = HeldOutSplit(winners, share: 0.05, seed: 3)
            #expect((4...5) ~= split.heldOut.count && split.rule == .pictures, "\(name): \(split.heldOut)")
            #expect(sharesNothing(winners, split, captions: false), "\(name)")
            #expect(split.description?.contains("by their pictures alone") == true)
            #expect(HeldOutSplit(winners, share: 0.05, seed: 4) != split)
        }
    }

    @Test func oneGreatGroupStaysInTraining() {
        let winners = (0..<90).map { winner($0, "a cat") } + (90..<100).map { winner($0, "caption \($0)") }
        let split = HeldOutSplit(winners, share: 0.05, seed: 0)
        #expect(split.heldOut.count == 5 && split.rule == .captionsAndPictures && split.heldOut.allSatisfy { $0 >= 90 })
        #expect(HeldOutSplit(winners, share: 0.4, seed: 0).rule == .pictures, "ten are less than half of forty")
    }

    @Test func whereNothingCanBeHeldOutThatIsSaid() {
        let one = HeldOutSplit([winner(1, "a")], share: 0.5, seed: 0)
        #expect(one.heldOut.isEmpty && one.training == [0] && one.description == "none is held out: 0.5 of 1 winner is less than one")
        #expect(HeldOutSplit([], share: 0.5, seed: 0).training.isEmpty)
        // One picture under forty captions.
        let same = HeldOutSplit((0..<40).map { winner(1, "caption \($0)") }, share: 0.5, seed: 0)
        #expect(same.heldOut.isEmpty && same.description == "none is held out: 0.5 of 40 winners cannot be had without a picture that is trained on")
    }
}
