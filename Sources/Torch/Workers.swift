import CTorch
import Foundation

/// Threads that each take a part of a batch through whole networks.
///
/// The operators of a small network are too short to share: every one of them ends in a wait for the slower thread. Parts of a batch on
/// threads of their own wait for one another once, at the end.
public enum Workers {
    /// Cuts `0..<count` into parts, runs `body` on all of them at the same time and gives the results in the order of the parts.
    ///
    /// The parts share out the threads that the caller has for an operator (`Runtime.threads`). One part alone, and all within another part, run where
    /// they are. Gradients are recorded where the caller records them. Throws what the first part that failed threw, once all have ended.
    /// - Parameters:
    ///   - limit: how many parts at most
    ///   - body: `worker` counts the parts from 0
    public static func map<Result: Sendable>(
        _ count: Int, limit: Int = .max, _ body: @Sendable (_ worker: Int, _ part: Range<Int>) throws -> Result
    ) throws -> [Result] {
        guard count > 0 else { return [] }
        let threads = Runtime.threads
        let parts = Worker.isCurrent ? 1 : parts(count, threads: threads, limit: limit)
        guard parts > 1 else { return [try body(0, 0..<count)] }
        let recordsGradients = ct_grad_mode_get()
        let results = pool.run(parts, threads: threads / parts) { worker in
            let part = worker * count / parts..<(worker + 1) * count / parts
            return Swift.Result { try recordsGradients ? withGradients { try body(worker, part) } : noGradients { try body(worker, part) } }
        }
        // A worker's own setting was noted as the one for threads to come.
        Runtime.threads = threads
        return try results.map { try $0.get() }
    }

    /// The most parts that leave no thread without work and none with a quarter more than its share.
    static func parts(_ count: Int, threads: Int, limit: Int = .max) -> Int {
        let fit = (1...max(1, min(count, threads, limit))).last { parts in
            let greatest = (count + parts - 1) / parts
            return threads.isMultiple(of: parts) && 4 * greatest * parts <= 5 * count
        }
        return fit ?? 1
    }

    private static let pool = WorkerPool()
}

/// Threads that stay, since libtorch's libraries keep buffers for every thread they have met.
private final class WorkerPool: @unchecked Sendable {
    // `workers` is touched under the lock alone, which also keeps two callers from sharing a worker.
    private let lock = NSLock()
    private var workers: [Worker] = []

    /// - Parameter threads: of an operator in each of them
    func run<Result: Sendable>(_ count: Int, threads: Int, _ body: @Sendable (Int) -> Result) -> [Result] {
        lock.lock()
        defer { lock.unlock() }
        while workers.count < count { workers.append(Worker()) }
        return withoutActuallyEscaping(body) { body in
            let jobs = (0..<count).map { index in Job(threads: threads) { body(index) } }
            for (worker, job) in zip(workers, jobs) { worker.begin(job.run) }
            for worker in workers[..<count] { worker.wait() }
            return jobs.map(\.result!)
        }
    }
}

/// A result on its way from one thread to another.
private final class Job<Result: Sendable>: @unchecked Sendable {
    // `result` is written before the worker's end is signalled and read after.
    private let threads: Int
    private let body: @Sendable () -> Result
    private(set) var result: Result?

    init(threads: Int, _ body: @escaping @Sendable () -> Result) {
        self.threads = threads
        self.body = body
    }

    @Sendable func run() {
        Runtime.threads = threads
        result = body()
    }
}

private final class Worker: @unchecked Sendable {
    // `work` is written before `begin` is signalled and read after.
    private let begin = DispatchSemaphore(value: 0)
    private let end = DispatchSemaphore(value: 0)
    private var work: @Sendable () -> Void = {}

    /// Whether the calling thread is a worker's.
    static var isCurrent: Bool { Thread.current.threadDictionary[mark] != nil }
    private static let mark = "seppo.worker"

    init() {
        let thread = Thread { [self] in
            Thread.current.threadDictionary[Self.mark] = true
            while true {
                begin.wait()
                work()
                work = {}
                end.signal()
            }
        }
        thread.name = "worker"
        thread.stackSize = 8 << 20
        thread.start()
    }

    func begin(_ work: @escaping @Sendable () -> Void) {
        self.work = work
        begin.signal()
    }

    func wait() { end.wait() }
}
