import Dispatch
import Foundation

/// Remembers SIGINT, SIGTERM or SIGHUP, so that the update in hand can be finished and saved. A second one ends the process at once.
///
/// SIGHUP that is ignored already, as under `nohup`, stays so; and a second one does not hurry: a terminal that closes may send two.
public final class StopSignals: @unchecked Sendable {
    // Written on the signal queue, read by the trainer, under the lock.
    private let lock = NSLock()
    private var number: Int32?
    private var numbers: [Int32] = []
    private var sources: [any DispatchSourceSignal] = []

    public init(_ numbers: [Int32] = [SIGINT, SIGTERM, SIGHUP]) {
        let queue = DispatchQueue(label: "signals")
        for signalNumber in numbers {
            let before = signal(signalNumber, SIG_IGN)
            if signalNumber == SIGHUP, unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) { continue }
            self.numbers.append(signalNumber)
            let source = DispatchSource.makeSignalSource(signal: signalNumber, queue: queue)
            source.setEventHandler { [weak self] in self?.note(signalNumber) }
            source.resume()
            sources.append(source)
        }
    }

    /// From here on a signal ends the process at once again: no one looks at `received` any more.
    deinit {
        for source in sources { source.cancel() }
        for number in numbers { signal(number, SIG_DFL) }
    }

    /// The signal that arrived, if any.
    public var received: Int32? { lock.withLock { number } }

    func note(_ signalNumber: Int32) {
        let isSecond = lock.withLock {
            defer { number = signalNumber }
            return number != nil
        }
        if isSecond, signalNumber != SIGHUP { _exit(128 + signalNumber) }
    }
}

/// The run was stopped by a signal, after saving.
public struct StoppedBySignal: Error, CustomStringConvertible {
    public let number: Int32
    /// Whether nothing is lost; else the last good state is what is kept.
    public let isSaved: Bool

    public init(number: Int32, isSaved: Bool = true) { (self.number, self.isSaved) = (number, isSaved) }

    public var description: String {
        let kept = isSaved ? "everything up to the last update is saved" : "the last updates leave nothing finite, so the state before them is what is kept"
        return "stopped by signal \(number); \(kept), go on with --resume"
    }
}
