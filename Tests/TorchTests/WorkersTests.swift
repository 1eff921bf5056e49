import Dispatch
import Testing

@testable import Torch

@Suite struct WorkersTests {
    @Test(arguments: [(16, 2, 2), (16, 1, 1), (1, 2, 1), (3, 2, 1), (5, 2, 2), (16, 6, 6), (2, 16, 2), (10, 8, 4), (16, 3, 3), (0, 2, 1)])
    func partsFillTheThreads(_ count: Int, _ threads: Int, _ parts: Int) {
        let found = Workers.parts(count, threads: threads)
        #expect(found == parts)
        #expect(Workers.parts(count, threads: threads, limit: 1) == 1)
    }

    @Test func partsCoverEverythingInOrder() throws {
        let threads = Runtime.threads
        defer { Runtime.threads = threads }
        Runtime.threads = 4
        let parts = try Workers.map(10, limit: 2) { worker, part in (worker, part, Runtime.threads) }
        #expect(parts.map(\.0) == [0, 1] && parts.map(\.1) == [0..<5, 5..<10] && parts.map(\.2) == [2, 2])
        #expect(Runtime.threads == 4, "the caller's own setting stays")
        #expect(try Workers.map(0) { _, part in part } == [])
    }

    @Test func partsRunAtTheSameTime() throws {
        let threads = Runtime.threads
        defer { Runtime.threads = threads }
        Runtime.threads = 2
        // Each waits for the other: one after the other they would wait for ever.
        let gates = [Gate(), Gate()]
        let met = try Workers.map(2) { worker, _ in
            gates[worker].open()
            return gates[1 - worker].waits(seconds: 60)
        }
        #expect(met == [true, true])
    }

    @Test func theFirstErrorIsThrownWhenAllHaveEnded() throws {
        let threads = Runtime.threads
        defer { Runtime.threads = threads }
        Runtime.threads = 2
        let ended = Gate()
        let error = try #require(throws: TorchError.self) {
            try Workers.map(2) { worker, _ in
                if worker == 1 { ended.open() }
                throw TorchError(operation: "part", message: "\(worker)")
            }
        }
        #expect(error.message == "0" && ended.waits(seconds: 0))
        #expect(try Workers.map(2) { worker, _ in worker } == [0, 1], "the workers go on")
    }

    @Test func partsWithinAPartRunWhereTheyAre() throws {
        let threads = Runtime.threads
        defer { Runtime.threads = threads }
        Runtime.threads = 4
        let nested = try Workers.map(2, limit: 2) { _, outer in try Workers.map(4) { _, inner in outer.lowerBound * 10 + inner.count } }
        #expect(nested == [[4], [14]])
    }

    @Test func gradientsAreRecordedWhereTheCallerRecordsThem() throws {
        let threads = Runtime.threads
        defer { Runtime.threads = threads }
        Runtime.threads = 2
        let x = Tensor.ones([2])
        x.requiresGradient = true
        let recorded = try Workers.map(2) { _, part in (x[part] * 2).requiresGradient }
        let unrecorded = try noGradients { try Workers.map(2) { _, part in (x[part] * 2).requiresGradient } }
        #expect(recorded == [true, true] && unrecorded == [false, false])
    }

    /// Two graphs over the same memory, differentiated at the same time: the sum of both is the gradient of the whole.
    @Test func partsAreDifferentiatedAtTheSameTime() throws {
        let threads = Runtime.threads
        defer { Runtime.threads = threads }
        Runtime.threads = 2
        let weight = Generator(seed: 1).normal([30, 40])
        let x = Generator(seed: 2).normal([8, 40])
        let gradients = try Workers.map(8) { _, part in
            let own = weight.detached
            own.requiresGradient = true
            for _ in 0..<50 { x[part].linear(own, nil).silu.sum().backward() }
            return own.gradient!
        }
        let whole = weight.clone()
        whole.requiresGradient = true
        for _ in 0..<50 { x.linear(whole, nil).silu.sum().backward() }
        #expect((gradients[0] + gradients[1] - whole.gradient!).magnitude.max().item < 1e-3)
    }
}

/// Opens once.
private final class Gate: @unchecked Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() { semaphore.signal() }
    func waits(seconds: Int) -> Bool { semaphore.wait(timeout: .now() + .seconds(seconds)) == .success }
}
