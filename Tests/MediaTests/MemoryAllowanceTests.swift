import Foundation
import TestFiles
import Testing

@testable import Media

@Suite struct MemoryAllowanceTests {
    /// What is taken at the same time, under a lock.
    private final class Meter: @unchecked Sendable {
        private let lock = NSLock()
        private(set) var taken = 0
        private(set) var most = 0

        func add(_ bytes: Int) {
            lock.withLock {
                taken += bytes
                most = max(most, taken)
            }
        }
    }

    @Test func threadsTogetherTakeNoMore() {
        let allowance = MemoryAllowance(100)
        let meter = Meter()
        DispatchQueue.concurrentPerform(iterations: 64) { index in
            let bytes = index % 8 == 0 ? 100 : 30
            allowance.using(bytes) {
                meter.add(bytes)
                usleep(200)
                meter.add(-bytes)
            }
        }
        #expect(meter.most <= 100 && meter.taken == 0)
    }

    @Test func anErrorGivesBackWhatWasTaken() {
        struct Failure: Error {}
        let allowance = MemoryAllowance(100)
        for _ in 0..<3 {
            #expect(throws: Failure.self) { try allowance.using(100) { throw Failure() } }
        }
        #expect(allowance.using(100) { 7 } == 7)
    }

    /// What a header claims is enough to refuse, and what is refused takes nothing.
    @Test func aPictureSaysWhatItNeeds() throws {
        func needs(_ file: String, _ change: (inout [UInt8]) -> Void = { _ in }) throws -> Int {
            var bytes = try Fixtures.bytes(file)
            change(&bytes)
            return try ImageContainer(bytes).memory
        }
        let pixels = 21 * 17
        #expect(try needs("rgb.png") >= 6 * pixels)
        #expect(try needs("progressive.jpg") > needs("420.jpg"))
        // 11,000 x 11,000 of four channels: 484 MB of samples, and the picture.
        let large = try needs("rgb.png") { bytes in
            bytes.replaceSubrange(16..<24, with: [0, 0, 0x2A, 0xF8, 0, 0, 0x2A, 0xF8])
            bytes[25] = 6
        }
        #expect(large > 840_000_000 && large > RGBImage.memoryLimit)
    }
}
