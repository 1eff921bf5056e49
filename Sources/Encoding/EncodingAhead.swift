import Foundation

/// Encodes winners on a thread of its own before they are wanted, one at a time: beside a training, on a processor that has enough to do.
public final class EncodingAhead: @unchecked Sendable {
    // Touched under the lock alone.
    private let lock = NSLock()
    private var isStopped = false
    private let ended = DispatchSemaphore(value: 0)

    private struct Stopped: Error {}

    /// Begins. When all is done, the networks that encode are let go of.
    /// - Parameters:
    ///   - order: in which winners will be wanted
    ///   - pass: after how many winners the order begins again
    ///   - count: how many usable ones will be wanted
    public init(_ winners: EncodedWinners, in order: some IteratorProtocol<Int> & Sendable, pass: Int, count: Int) {
        let thread = Thread { [self] in
            // What goes wrong here goes wrong again, and is reported, where the winner is wanted.
            try? encode(winners, in: order, pass: pass, count: count)
            ended.signal()
        }
        thread.name = "encoding"
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Ends with the winner in hand.
    public func stop() {
        lock.withLock { isStopped = true }
        ended.wait()
        ended.signal()
    }

    private func encode(_ winners: EncodedWinners, in order: some IteratorProtocol<Int>, pass: Int, count: Int) throws {
        var order = order
        var left = count
        var seen: Set<Int> = []
        // After one pass there is nothing new.
        while left > 0, seen.count < pass, let row = order.next() {
            try stopIfAsked()
            seen.insert(row)
            if try winners.prepare([row], progress: { _, _ in try stopIfAsked() })[0] { left -= 1 }
        }
        winners.releaseEncoder()
    }

    private func stopIfAsked() throws { if lock.withLock({ isStopped }) { throw Stopped() } }
}
