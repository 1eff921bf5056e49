import Foundation

/// Finds out which rank is missing, on a thread of its own.
///
/// Every rank keeps one connection to rank 0 beside those of the exchanges, and both sides send a sign of life several times in the timeout.
/// - A process that is gone closes its connection, which is noticed at once.
/// - A process that is stopped, or behind a broken network, is silent: noticed after half the timeout. Time in which the watching process itself
///   stood still does not count.
/// - A process whose own thread hangs goes on with its signs of life, which also tell how many exchanges it has begun: one that is behind the
///   others for three quarters of the timeout is late, unless it said that it takes long (``Collective/whileOthersWait(_:)``).
///
/// Rank 0 watches all and tells all; the others watch rank 0. The thread that computes learns of a fault at its next exchange, or in the one in
/// which it waits, and throws it. If it does not within a quarter of the timeout, because it computes or hangs, the process is ended from here.
final class RankWatch: @unchecked Sendable {
    // What follows is touched under the lock of `condition` alone.
    private let condition = NSCondition()
    private var side: (any RankWatchSide)?
    private var progress = RankProgress()
    private var address: String?
    private var fault: RankFault?
    private var isTaken = false
    private var isFinishing = false
    private var isOver = false
    private var ticksWithoutSide = 0
    private var ticksOfFault = 0

    private let rank: Int
    let limits: RankLimits
    private let lifeline: Int32?
    private let end: @Sendable (RankFault) -> Void

    /// - Parameters:
    ///   - lifeline: a descriptor that is closed when the process that started this one is gone; this one ends then
    ///   - end: ends the process, on the watching thread
    init(rank: Int, limits: RankLimits, lifeline: Int32?, end: @escaping @Sendable (RankFault) -> Void) {
        self.rank = rank
        self.limits = limits
        self.lifeline = lifeline
        self.end = end
        let thread = Thread { [self] in run() }
        thread.name = "rank watch"
        thread.start()
    }

    /// From here on there is someone to watch.
    func attach(_ side: any RankWatchSide) { condition.withLock { self.side = side } }

    /// Waits until all ranks are there, and equal.
    /// - Returns: the address of rank 0's machine as other machines see it
    func waitForAll() throws -> String {
        condition.lock()
        defer { condition.unlock() }
        while address == nil, fault == nil { condition.wait() }
        if let fault { throw taken(fault) }
        return address!
    }

    /// Begins an exchange.
    func enter() throws {
        try check()
        condition.withLock { progress.exchanges += 1 }
    }

    func setBusy(_ isBusy: Bool) { condition.withLock { progress.isBusy = isBusy } }

    /// Throws the fault of the group, if there is one.
    func check() throws {
        try condition.withLock {
            if let fault { throw taken(fault) }
        }
    }

    /// The fault behind a connection that broke: the watch names it in a moment. Without one it is this rank's own.
    func fault(behind message: String) -> RankFault {
        condition.lock()
        defer { condition.unlock() }
        let limit = Date(timeIntervalSinceNow: limits.timeout * 0.75)
        while fault == nil, condition.wait(until: limit) {}
        let own = RankFault([rank], .disconnected(message))
        guard let fault else {
            self.fault = own
            side?.tell(own)
            return taken(own)
        }
        return taken(fault)
    }

    /// This rank ends, and tells the others why.
    func fail(_ reason: String) {
        condition.withLock {
            guard fault == nil, !isOver else { return }
            let own = RankFault([rank], .failed(reason))
            fault = own
            side?.tell(own)
            _ = taken(own)
        }
    }

    /// Waits until all need each other no longer.
    func finish() {
        condition.lock()
        defer { condition.unlock() }
        isFinishing = true
        let limit = Date(timeIntervalSinceNow: limits.timeout)
        while !isOver, fault == nil, condition.wait(until: limit) {}
        isOver = true
    }

    /// The thread that computes knows now, and may end the process at once: connections that are closed with something unread in them lose what was
    /// sent last. So it waits a moment for the others to have heard. Under the lock.
    private func taken(_ fault: RankFault) -> RankFault {
        isTaken = true
        let limit = Date(timeIntervalSinceNow: min(2, limits.timeout / 8))
        while let side, !side.isHeard(fault), condition.wait(until: limit) {}
        return fault
    }

    // MARK: The thread

    private func run() {
        var nextTick = DispatchTime.now()
        while true {
            var descriptors = condition.withLock { side?.descriptors ?? [] }.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            if let lifeline { descriptors.append(pollfd(fd: lifeline, events: Int16(POLLIN), revents: 0)) }
            poll(&descriptors, nfds_t(descriptors.count), 20)
            // Nothing is ever written there.
            if lifeline != nil, descriptors.last!.revents != 0 { _exit(1) }
            let isTick = DispatchTime.now() >= nextTick
            if isTick { nextTick = DispatchTime.now() + limits.interval }
            condition.lock()
            attend(isTick)
            let (isOver, due) = (isOver, fault != nil && !isTaken && ticksOfFault > limits.ticksOfGrace ? fault : nil)
            condition.broadcast()
            condition.unlock()
            if let due { end(due) }
            if isOver { return }
        }
    }

    /// Under the lock.
    private func attend(_ isTick: Bool) {
        if isTick, fault != nil { ticksOfFault += 1 }
        guard let side else {
            // The thread that computes looks for rank 0, and may sit in a call that never comes back.
            if isTick { ticksWithoutSide += 1 }
            if ticksWithoutSide > limits.ticksOfArrival, fault == nil { fault = RankFault([0], .absent(seconds: limits.timeout)) }
            return
        }
        for event in side.attend() + (isTick ? side.tick(progress) : []) {
            switch event {
            case .begun(let address): self.address = address
            case .fault(let fault) where self.fault == nil && !isFinishing:
                self.fault = fault
                side.tell(fault)
            case .fault: break
            }
        }
        if isFinishing, fault == nil, side.finish() { isOver = true }
    }
}

/// How long is waited for what, in intervals between signs of life.
struct RankLimits {
    let timeout: Double
    /// Between signs of life, in seconds.
    let interval: Double

    init(timeout: Double) {
        self.timeout = timeout
        interval = max(0.02, min(1, timeout / 20))
    }

    var ticksOfArrival: Int { ticks(timeout) }
    var ticksOfSilence: Int { ticks(timeout / 2) }
    var ticksOfLateness: Int { ticks(timeout * 0.75) }
    var ticksOfGrace: Int { ticks(timeout / 4) }

    func seconds(_ ticks: Int) -> Double { (Double(ticks) * interval * 10).rounded() / 10 }
    private func ticks(_ seconds: Double) -> Int { Int((seconds / interval).rounded()) }
}

/// One side of the connections: rank 0, or any other. Called under the watch's lock.
protocol RankWatchSide: AnyObject {
    var descriptors: [Int32] { get }
    /// Reads what came.
    func attend() -> [RankEvent]
    /// An interval has passed: sends a sign of life and counts those that are missing.
    func tick(_ progress: RankProgress) -> [RankEvent]
    /// Tells all that the group ends.
    func tell(_ fault: RankFault)
    /// Whether those who can hear it have said it again.
    func isHeard(_ fault: RankFault) -> Bool
    /// This rank needs the others no longer. True once none needs this one.
    func finish() -> Bool
}

enum RankEvent {
    /// All are there, and equal. The address is that of rank 0's machine.
    case begun(address: String)
    case fault(RankFault)
}
