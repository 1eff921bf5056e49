/// The side of rank 0: it lets all others in, compares what they were started with, and watches them.
final class RankHub: RankWatchSide {
    private let listener: TCPListener
    private let own: RankMessage.Hello
    private let limits: RankLimits
    /// Those that connected and said nothing yet.
    private var strangers: [RankLine] = []
    /// Those that cannot be members, and are told why.
    private var refused: [RankLine] = []
    private var members: [Int: Member] = [:]
    private var arrivalTicks = 0
    private var hasBegun = false
    private var hasSaidDone = false

    private final class Member {
        let line: RankLine
        let hello: RankMessage.Hello
        var progress = RankProgress()
        var silentTicks = 0
        var behindTicks = 0
        var isDone = false
        var isGone = false
        var hasHeardFault = false

        init(_ line: RankLine, _ hello: RankMessage.Hello) { (self.line, self.hello) = (line, hello) }
    }

    init(_ listener: TCPListener, own: RankMessage.Hello, limits: RankLimits) {
        self.listener = listener
        self.own = own
        self.limits = limits
    }

    var descriptors: [Int32] { [listener.descriptor] + strangers.map(\.descriptor) + present.map(\.line.descriptor) }
    private var present: [Member] { members.keys.sorted().map { members[$0]! }.filter { !$0.isGone } }

    func attend() -> [RankEvent] {
        while let connection = listener.accept() { strangers.append(RankLine(connection)) }
        var events = strangers.flatMap(letIn)
        for member in present { events += listen(to: member) }
        if !hasBegun, members.count == own.size - 1 { events += begin() }
        return events
    }

    private func letIn(_ line: RankLine) -> [RankEvent] {
        let (messages, isClosed) = line.receive()
        guard isClosed || !messages.isEmpty else { return [] }
        strangers.removeAll { $0 === line }
        guard case .hello(let hello)? = messages.first else { return [] }
        if hello.size == own.size, 1..<own.size ~= hello.rank, members[hello.rank] == nil {
            members[hello.rank] = Member(line, hello)
            return []
        }
        refused.append(line)
        let size = RankFault.Problem.differs(.size, from: "\(own.size)", has: "\(hello.size)")
        return [.fault(RankFault([hello.rank], hello.size == own.size ? .claimedTwice : size))]
    }

    private func listen(to member: Member) -> [RankEvent] {
        var events: [RankEvent] = []
        let (messages, isClosed) = member.line.receive()
        if !messages.isEmpty { member.silentTicks = 0 }
        for message in messages {
            switch message {
            case .beat(let progress):
                if progress.exchanges != member.progress.exchanges { member.behindTicks = 0 }
                member.progress = progress
            case .fault(let fault):
                member.hasHeardFault = true
                events.append(.fault(fault))
            case .done: member.isDone = true
            case .hello, .begin: break
            }
        }
        if isClosed {
            member.isGone = true
            if !member.isDone { events.append(.fault(RankFault([member.hello.rank], .ended))) }
        }
        return events
    }

    /// All are there.
    private func begin() -> [RankEvent] {
        hasBegun = true
        let different = present.compactMap { member in own.identity.difference(member.hello.identity).map { (member.hello.rank, $0) } }
        if let (_, problem) = different.first { return [.fault(RankFault(different.filter { $0.1 == problem }.map(\.0), problem))] }
        let addresses = [own.address] + present.map(\.hello.address)
        let address = addresses.first { !NumericAddress.isLoopback($0) } ?? own.address
        for member in present { member.line.send(.begin(address: address)) }
        return [.begun(address: address)]
    }

    func tick(_ progress: RankProgress) -> [RankEvent] {
        for member in present {
            member.line.send(.beat(progress))
            member.silentTicks += 1
        }
        guard hasBegun else {
            arrivalTicks += 1
            let missing = (1..<own.size).filter { members[$0] == nil }
            return arrivalTicks > limits.ticksOfArrival && !missing.isEmpty ? [.fault(RankFault(missing, .absent(seconds: limits.timeout)))] : []
        }
        let working = present.filter { !$0.isDone }
        let silent = working.filter { $0.silentTicks > limits.ticksOfSilence }.map(\.hello.rank)
        if !silent.isEmpty { return [.fault(RankFault(silent, .silent(seconds: limits.seconds(limits.ticksOfSilence))))] }
        return late(working, progress)
    }

    private var ownBehind = (ticks: 0, exchanges: 0)

    /// Those behind the furthest, this rank among them.
    private func late(_ working: [Member], _ progress: RankProgress) -> [RankEvent] {
        let furthest = max(progress.exchanges, working.map(\.progress.exchanges).max() ?? 0)
        for member in working {
            let isBehind = member.progress.exchanges < furthest && !member.progress.isBusy
            member.behindTicks = isBehind ? member.behindTicks + 1 : 0
        }
        let isBehind = progress.exchanges < furthest && !progress.isBusy && progress.exchanges == ownBehind.exchanges
        ownBehind = (isBehind ? ownBehind.ticks + 1 : 0, progress.exchanges)
        let late =
            (ownBehind.ticks > limits.ticksOfLateness ? [0] : [])
            + working.filter { $0.behindTicks > limits.ticksOfLateness }.map(\.hello.rank)
        return late.isEmpty ? [] : [.fault(RankFault(late, .late(seconds: limits.seconds(limits.ticksOfLateness))))]
    }

    func tell(_ fault: RankFault) {
        for member in present { member.line.send(.fault(fault)) }
        for line in strangers + refused { line.send(.fault(fault)) }
    }

    func isHeard(_ fault: RankFault) -> Bool { present.allSatisfy { $0.hasHeardFault || fault.ranks.contains($0.hello.rank) } }

    func finish() -> Bool {
        guard members.values.allSatisfy({ $0.isDone || $0.isGone }) else { return false }
        if !hasSaidDone { for member in present { member.line.send(.done) } }
        hasSaidDone = true
        return true
    }
}
