import Foundation
import Storage

/// Starts one program several times on this machine, as the ranks of one group, and stays with them until all have ended.
///
/// Rank 0 has this process's input and output. The others are quiet: what they last said is shown where they fail. Signals that reach this process
/// alone are passed on. When one rank fails, the others have a while to end by themselves, and are ended then. When this process is gone, by
/// whatever cause, its children end: each holds a pipe (`lifeline`) of which this process has the other end.
public struct LocalLauncher: Sendable {
    public var executable: URL
    public var arguments: [String]
    /// How many ranks.
    public var processes: Int
    /// Threads of each rank; 0 leaves the choice to it.
    public var threads: Int
    public var environment: [String: String]
    /// Seconds that the other ranks have to end by themselves when one has failed.
    public var grace: Double

    /// - Parameters:
    ///   - executable: this program itself, unless another is given
    ///   - arguments: those of this program, unless others are given
    public init(
        processes: Int, threads: Int, executable: URL? = nil, arguments: [String]? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment, grace: Double = 15
    ) {
        self.executable = executable ?? Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
        self.arguments = arguments ?? Array(CommandLine.arguments.dropFirst())
        (self.processes, self.threads, self.environment, self.grace) = (processes, threads, environment, grace)
    }

    /// How it ended.
    public struct Outcome: Equatable, Sendable {
        /// The exit code of the first rank that failed, 0 where none did; that of a shell for one that died of a signal.
        public var code: Int32
        /// What is to be said of that rank beyond what was shown.
        public var message: String?
    }

    public func run() throws -> Outcome {
        let listener = try TCPListener(loopbackAlone: true)
        let lifeline = try Descriptor.pipe()
        let signals = try ForwardedSignals()
        var children: [RankProcess] = []
        do {
            for rank in 0..<processes { children.append(try start(rank, listener, lifeline.reading)) }
        } catch {
            for child in children { child.signal(SIGKILL) }
            for child in children { child.wait() }
            throw error
        }
        return withExtendedLifetime(lifeline) { Supervision(children: children, signals: signals, grace: grace).run() }
    }

    private func start(_ rank: Int, _ listener: TCPListener, _ lifeline: Descriptor) throws -> RankProcess {
        let socket = rank == 0 ? try Descriptor.high(listener.descriptor) : nil
        var variables = environment.filter { !$0.key.hasPrefix("TORCHELASTIC_") }
        variables["RANK"] = "\(rank)"
        variables["WORLD_SIZE"] = "\(processes)"
        variables["LOCAL_RANK"] = "\(rank)"
        variables["LOCAL_WORLD_SIZE"] = "\(processes)"
        variables["MASTER_ADDR"] = "127.0.0.1"
        variables["MASTER_PORT"] = "\(listener.port)"
        variables[RankEnvironment.lifelineVariable] = "\(lifeline.number)"
        if let socket { variables[RankEnvironment.storeSocketVariable] = "\(socket.number)" }
        if threads > 0 { variables["OMP_NUM_THREADS"] = "\(threads)" }
        return try RankProcess(
            rank: rank, executable: executable, arguments: arguments, environment: variables, isQuiet: rank > 0,
            inherits: [lifeline] + (socket.map { [$0] } ?? []))
    }
}

/// Waits for the ranks to end.
private struct Supervision {
    let children: [RankProcess]
    let signals: ForwardedSignals
    let grace: Double

    func run() -> LocalLauncher.Outcome {
        var failure: RankProcess?
        var sinceFailure: Stopwatch?
        while true {
            for number in wait() {
                for child in children { child.signal(number) }
            }
            for child in children.dropFirst() + children.prefix(1) where child.reap() && child.code != 0 && failure == nil {
                (failure, sinceFailure) = (child, Stopwatch())
            }
            if children.allSatisfy(\.hasEnded) { break }
            if let seconds = sinceFailure?.seconds, seconds > grace {
                for child in children { child.signal(seconds > grace + 5 ? SIGKILL : SIGTERM) }
            }
        }
        // Those who were asked to end all did what was asked.
        if signals.isAsked { return .init(code: children[0].code, message: nil) }
        // What a rank does not say itself, rank 0 was told and has said.
        let isSaid = failure?.hasEndedWithoutAWord == true && children[0].code != 0
        return .init(code: failure?.code ?? 0, message: isSaid ? nil : failure?.lastWords)
    }

    /// Waits for news.
    /// - Returns: signals to be passed on
    private func wait() -> [Int32] {
        let talking = children.filter(\.isTalking)
        var descriptors = ([signals.descriptor] + talking.map(\.output)).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        poll(&descriptors, nfds_t(descriptors.count), 200)
        for child in talking { child.listen() }
        return signals.received()
    }
}
