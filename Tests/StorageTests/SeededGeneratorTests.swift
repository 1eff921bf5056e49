import Storage
import Testing

@Suite struct SeededGeneratorTests {
    /// Reference values of SplitMix64 from seed 1234567, as in Rosetta Code and the tests of several libraries.
    @Test func agreesWithPublishedSplitMix64() {
        var generator = SeededGenerator(seed: 1_234_567)
        #expect((0..<3).map { _ in generator.next() } == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
    }

    /// From the FNV authors' test vectors (RFC 9923 lists the same).
    @Test func agreesWithPublishedFNV1a() {
        #expect(SeededGenerator.fnv1a("") == 0xcbf2_9ce4_8422_2325)
        #expect(SeededGenerator.fnv1a("foobar") == 0x8594_4171_f739_67e8)
    }

    @Test func everyPartOfTheSeedCounts() {
        let seeds = [
            SeededGenerator.seed(0, "noise", 0), SeededGenerator.seed(1, "noise", 0),
            SeededGenerator.seed(0, "timestep", 0), SeededGenerator.seed(0, "noise", 1),
        ]
        #expect(Set(seeds).count == 4)
        #expect(SeededGenerator.seed(0, "noise", 0) == seeds[0])
        let grid = (0..<64).flatMap { run in (0..<64).map { SeededGenerator.seed(UInt64(run), "noise", $0) } }
        #expect(Set(grid).count == grid.count)
    }

    @Test func integersAreUniformAndInRange() {
        var generator = SeededGenerator(seed: 3, purpose: "test", index: 0)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[generator.integer(below: 7)] += 1 }
        #expect(counts.allSatisfy { abs($0 - 10_000) < 500 })
        let mean = (0..<10_000).map { _ in generator.uniform() }.reduce(0, +) / 10_000
        #expect(abs(mean - 0.5) < 0.02)
        #expect(generator.permuted(Array(0..<50)).sorted() == Array(0..<50))
    }
}
