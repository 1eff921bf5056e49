/// The side of a rank other than 0: it watches rank 0, which watches all.
final class RankSpoke: RankWatchSide {
    private let line: RankLine
    private let limits: RankLimits
    private var silentTicks = 0
    private var isHubDone = false
    private var isDone = false
    private var isClosed = false
    private var hasHeardFault = false

    init(_ connection: TCPConnection, hello: RankMessage.Hello, limits: RankLimits) {
        line = RankLine(connection)
        self.limits = limits
        line.send(.hello(hello))
    }

    var descriptors: [Int32] { isClosed ? [] : [line.descriptor] }

    func attend() -> [RankEvent] {
        guard !isClosed else { return [] }
        var events: [RankEvent] = []
        let (messages, isClosed) = line.receive()
        if !messages.isEmpty { silentTicks = 0 }
        for message in messages {
            switch message {
            case .begin(let address): events.append(.begun(address: address))
            case .fault(let fault):
                hasHeardFault = true
                events.append(.fault(fault))
            case .done: isHubDone = true
            case .beat, .hello: break
            }
        }
        self.isClosed = isClosed
        if isClosed, !isHubDone { events.append(.fault(RankFault([0], .ended))) }
        return events
    }

    func tick(_ progress: RankProgress) -> [RankEvent] {
        guard !isClosed, !isHubDone else { return [] }
        line.send(.beat(progress))
        silentTicks += 1
        return silentTicks > limits.ticksOfSilence ? [.fault(RankFault([0], .silent(seconds: limits.seconds(limits.ticksOfSilence))))] : []
    }

    /// Rank 0 tells the others, and says again what it was told.
    func tell(_ fault: RankFault) { line.send(.fault(fault)) }

    func isHeard(_ fault: RankFault) -> Bool { hasHeardFault || isClosed || fault.ranks.contains(0) }

    func finish() -> Bool {
        if !isDone { line.send(.done) }
        isDone = true
        return isHubDone || isClosed
    }
}
