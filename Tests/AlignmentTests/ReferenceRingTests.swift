import Diffusion
import Foundation
import TestSupport
import Testing
import Torch

@testable import Alignment

/// Which networks of checkpoints are there, and when they are read.
@Suite struct ReferenceRingTests {
    /// What was read, in order, from whichever thread.
    private final class Readings: @unchecked Sendable {
        private let lock = NSLock()
        private var indices: [Int] = []
        private var mainThread = 0
        var all: [Int] { lock.withLock { indices } }
        var ofCaller: Int { lock.withLock { mainThread } }
        func note(_ index: Int, isCaller: Bool) {
            lock.withLock {
                indices.append(index)
                mainThread += isCaller ? 1 : 0
            }
        }
    }

    private struct Named: Denoiser {
        var precision = Precision.f32
        var recomputesBlocks = false
        let device = Device.cpu
        let index: Int
        func callAsFunction(_ x: Tensor, at time: Tensor, _ conditioning: Conditioning) -> Tensor { x }
    }

    private struct Damaged: Error {}

    private func ring(isOnDevice: Bool, _ readings: Readings) -> ReferenceRing {
        let caller = Thread.current
        return ReferenceRing(isOnDevice: isOnDevice) { index in
            readings.note(index, isCaller: Thread.current === caller)
            if index == 13 { throw Damaged() }
            return Named(index: index)
        }
    }

    private func use(_ index: Int, next: Int, _ ring: ReferenceRing) throws {
        #expect(try (ring.denoiser(index) as? Named)?.index == index)
        ring.prepare(next)
    }

    @Test func onTheProcessorOneIsHeldAndNothingIsReadAhead() throws {
        let readings = Readings()
        let ring = ring(isOnDevice: false, readings)
        for (index, next) in [(1, 2), (1, 2), (2, 1), (1, 1)] { try use(index, next: next, ring) }
        #expect(readings.all == [1, 2, 1] && readings.ofCaller == 3)
    }

    @Test func onADeviceTheNextIsReadMeanwhile() throws {
        let readings = Readings()
        let ring = ring(isOnDevice: true, readings)
        // Of two that take turns each is read once; a third takes the place of the one that is not in use.
        for (index, next) in [(1, 2), (2, 1), (1, 2), (2, 3), (3, 2), (2, 1)] { try use(index, next: next, ring) }
        #expect(try (ring.denoiser(1) as? Named)?.index == 1)
        #expect(readings.all == [1, 2, 3, 1] && readings.ofCaller == 1)
    }

    @Test func aCheckpointThatIsWrittenAgainIsReadAgain() throws {
        let readings = Readings()
        let ring = ring(isOnDevice: true, readings)
        try use(1, next: 2, ring)
        ring.remove(2)
        _ = try ring.denoiser(2)
        #expect(readings.all == [1, 2, 2])
    }

    @Test(arguments: [false, true]) func aDamagedOneIsAnErrorWhereItIsWanted(_ isOnDevice: Bool) throws {
        let readings = Readings()
        let ring = ring(isOnDevice: isOnDevice, readings)
        try use(1, next: 13, ring)
        #expect(throws: Damaged.self) { try ring.denoiser(13) }
        #expect(throws: Damaged.self) { try ring.denoiser(13) }
        try use(1, next: 1, ring)
        #expect(readings.all == (isOnDevice ? [1, 13, 13] : [1, 13, 13, 1]))
    }
}
