import Foundation
import Testing
import Torch

/// Exchanges between processes over Gloo, and what happens when one of them is missing.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ProcessGroupTests {
    @Test(arguments: [2, 3]) func everyRankGetsTheSameAnswersAndTheSameBitsAgain(size: Int) async throws {
        var outcomes: Set<String> = []
        for _ in 0..<2 {
            let ranks = try Ranks(size)
            try ranks.startAll(.exchangeAll)
            try #require(try await ranks.wait(for: Array(0..<size), seconds: 60) != nil)
            for rank in 0..<size {
                #expect(ranks.note(rank).hasPrefix("done "), "\(ranks.note(rank)) \(ranks.errors(rank))")
                outcomes.insert(ranks.note(rank))
            }
        }
        #expect(outcomes.count == 1, "\(outcomes)")
    }

    @Test func aloneEverythingIsGivenBack() throws {
        _ = try Exchanges(Alone()).run()
        #expect(try ProcessGroup.open(.alone, identity: RankIdentity(version: "", settings: ""), timeout: 1) is Alone)
    }

    @Test(arguments: [(2, 0), (2, 1), (3, 1)]) func aKilledRankIsNamedAtOnce(size: Int, victim: Int) async throws {
        let ranks = try Ranks(size)
        try ranks.startAll(.sumForever, timeout: 180)
        try await Self.waitForSums(ranks, size)
        ranks.signal(victim, SIGKILL)
        // Well before a silence would be noticed, which is after 90 seconds.
        try await Self.expectEnd(ranks, size, without: victim, within: 60, message: "rank \(victim) ended unexpectedly")
    }

    @Test(arguments: [(2, 0), (2, 1), (3, 2)]) func aStoppedRankIsNamedWithinTheTimeout(size: Int, victim: Int) async throws {
        let ranks = try Ranks(size)
        try ranks.startAll(.sumForever, timeout: 4)
        try await Self.waitForSums(ranks, size)
        ranks.signal(victim, SIGSTOP)
        try await Self.expectEnd(ranks, size, without: victim, within: 4, message: "rank \(victim) gave no sign of life for 2 seconds")
    }

    @Test(arguments: [0, 1]) func aRankWhoseThreadHangsIsNamedAndEnded(victim: Int) async throws {
        let ranks = try Ranks(2)
        try ranks.startAll(.sleeping(rank: victim, seconds: 100, isSaid: false), timeout: 4)
        // The one that hangs ends as well.
        try #require(try await ranks.wait(for: [0, 1], seconds: 30) != nil)
        for rank in 0..<2 {
            #expect(ranks.errors(rank).contains("Error: rank \(victim) did not come for 3 seconds to where the others wait"), "\(ranks.errors(rank))")
            #expect(ranks.code(rank) == 1)
        }
    }

    /// The twin: it takes as long and says so.
    @Test(arguments: [0, 1]) func aRankThatSaysThatItTakesLongIsWaitedFor(rank: Int) async throws {
        let ranks = try Ranks(2)
        try ranks.startAll(.sleeping(rank: rank, seconds: 6, isSaid: true), timeout: 4)
        try #require(try await ranks.wait(for: [0, 1], seconds: 40) != nil)
        #expect((0..<2).map(ranks.note) == ["done ", "done "], "\(ranks.errors(0)) \(ranks.errors(1))")
    }

    /// A rank waits for an exchange in turns of 50 ms: one that ends between a turn and the next has not failed.
    @Test func anExchangeMayEndAtAnyMoment() async throws {
        let ranks = try Ranks(2)
        try ranks.startAll(.comingLater)
        try #require(try await ranks.wait(for: [0, 1], seconds: 100) != nil)
        #expect((0..<2).map(ranks.note) == ["done ", "done "], "\(ranks.errors(0)) \(ranks.errors(1))")
    }

    @Test func aRankThatComputesIsEndedWhenAnotherIsMissing() async throws {
        let ranks = try Ranks(3)
        try ranks.start(0, .sleeping(rank: 0, seconds: 100, isSaid: true), timeout: 4)
        try ranks.start(1, .sleeping(rank: 0, seconds: 100, isSaid: true), timeout: 4)
        try ranks.start(2, .sleeping(rank: 0, seconds: 100, isSaid: true), timeout: 4)
        try #require(try await ranks.waits { ranks.note(0) == "sleeping" } != nil)
        ranks.signal(2, SIGKILL)
        try await Self.expectEnd(ranks, 3, without: 2, within: 4, message: "rank 2 ended unexpectedly")
    }

    @Test func aRankThatFailsTellsTheOthersWhy() async throws {
        let ranks = try Ranks(3)
        try ranks.startAll(.failing(rank: 1, reason: "the disk is full"), timeout: 20)
        try #require(try await ranks.wait(for: [0, 1, 2], seconds: 40) != nil)
        for rank in 0..<3 { #expect(ranks.note(rank) == "error rank 1 failed: the disk is full") }
    }

    @Test(arguments: [(2, [1]), (3, [1, 2]), (2, [0])]) func ranksThatNeverArriveAreNamed(size: Int, missing: [Int]) async throws {
        let ranks = try Ranks(size)
        let others = (0..<size).filter { !missing.contains($0) }
        for rank in others { try ranks.start(rank, .sumForever, timeout: 3) }
        try #require(try await ranks.wait(for: others, seconds: 20) != nil)
        let who = missing.count == 1 ? "rank \(missing[0])" : "ranks \(missing.map(String.init).joined(separator: ", "))"
        for rank in others { #expect(ranks.note(rank) == "error \(who) did not arrive within 3 seconds", "\(ranks.errors(rank))") }
    }

    @Test func aRankThatIsStartedDifferentlyIsNamed() async throws {
        let cases: [(identity: RankIdentity?, data: String?, message: String)] = [
            (RankIdentity(version: "2", settings: "a\nb"), nil, "rank 1 has another version of the program than rank 0: 2 instead of 1"),
            // Those that differ are shown.
            (RankIdentity(version: "1", settings: "a\nx"), nil, "rank 1 has other settings than rank 0: x instead of b"),
            (RankIdentity(version: "1", settings: "a"), nil, "rank 1 has other settings than rank 0: the default instead of b"),
            (nil, "other", "rank 1 has other data than rank 0: other instead of c"),
        ]
        for (identity, data, message) in cases {
            let ranks = try Ranks(3)
            for rank in 0..<3 {
                try ranks.start(rank, .exchangeAll, timeout: 20, identity: rank == 1 ? identity : nil, data: rank == 1 ? data : nil)
            }
            try #require(try await ranks.wait(for: [0, 1, 2], seconds: 40) != nil)
            for rank in 0..<3 { #expect(ranks.note(rank) == "error \(message)", "\(ranks.errors(rank))") }
        }
        let ranks = try Ranks(2)
        try ranks.start(0, .exchangeAll, timeout: 20)
        try ranks.start(1, .exchangeAll, timeout: 20, with: ["WORLD_SIZE": "3"])
        try #require(try await ranks.wait(for: [0, 1], seconds: 40) != nil)
        for rank in 0..<2 { #expect(ranks.note(rank) == "error rank 1 has another number of ranks than rank 0: 3 instead of 2") }
    }

    private static func waitForSums(_ ranks: Ranks, _ size: Int) async throws {
        let seconds = try await ranks.waits { (0..<size).allSatisfy { ranks.note($0) == "summing" } }
        try #require(seconds != nil, "\((0..<size).map { ranks.note($0) + ranks.errors($0) })")
    }

    private static func expectEnd(_ ranks: Ranks, _ size: Int, without victim: Int, within limit: Double, message: String) async throws {
        let others = (0..<size).filter { $0 != victim }
        let seconds = try #require(try await ranks.wait(for: others, seconds: max(30, limit)))
        #expect(seconds < limit, "\(seconds) s")
        for rank in others {
            #expect(ranks.errors(rank).contains("Error: \(message)"), "rank \(rank): \(ranks.errors(rank))")
            #expect(ranks.code(rank) == 1, "rank \(rank): \(ranks.errors(rank))")
        }
    }
}
