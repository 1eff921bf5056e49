import Alignment
import Foundation
import Storage

/// Works jobs off in child processes, a few at a time. What is done stays done: a job whose result lies in the folder is not run again.
public struct AblationQueue: Sendable {
    public let folder: AblationFolder
    /// Child processes at a time.
    public let width: Int

    public init(_ folder: AblationFolder, width: Int) {
        self.folder = folder
        self.width = width
    }

    public func pending(_ jobs: [AblationJob]) -> [AblationJob] { jobs.filter { folder.finished($0) == nil } }

    /// Results in the order of `jobs`.
    /// - Parameters:
    ///   - arguments: how this program is started for one job; the child must leave its result in the folder
    ///   - started: jobs that are left to do
    ///   - progress: a job that has just ended, jobs left, and jobs of this call in all
    /// - Throws: `AblationError` if a child fails, `StoppedBySignal` after passing a signal on and waiting.
    public func run(
        _ jobs: [AblationJob], executable: URL, arguments: (AblationJob) throws -> [String], signals: StopSignals,
        progress: (_ ended: AblationResult, _ left: Int, _ of: Int) -> Void
    ) throws -> [AblationResult] {
        try createFolder(folder.results)
        var waiting = pending(jobs)
        let total = waiting.count
        var children: [(job: AblationJob, process: Process)] = []
        defer { for child in children where child.process.isRunning { child.process.terminate() } }
        while !waiting.isEmpty || !children.isEmpty {
            while children.count < width, !waiting.isEmpty {
                let job = waiting.removeFirst()
                children.append((job, try start(job, executable, arguments(job))))
            }
            usleep(50_000)
            if let number = signals.received {
                for child in children { child.process.terminate() }
                for child in children { child.process.waitUntilExit() }
                throw StoppedBySignal(number: number)
            }
            for child in children where !child.process.isRunning {
                guard child.process.terminationStatus == 0, let result = folder.finished(child.job) else {
                    throw AblationError(job: child.job.name, status: child.process.terminationStatus, log: folder.log(child.job))
                }
                try? FileManager.default.removeItem(at: folder.log(child.job))
                progress(result, waiting.count + children.count - 1, total)
                children.removeAll { $0.job == child.job }
            }
        }
        return jobs.compactMap(folder.finished)
    }

    private func start(_ job: AblationJob, _ executable: URL, _ arguments: [String]) throws -> Process {
        let log = folder.log(job)
        try Data().write(to: log)
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        // One thread a job: small networks gain less from a second thread than from a second job.
        process.environment = ProcessInfo.processInfo.environment.merging(["OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"]) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: log)
        try process.run()
        return process
    }
}

/// A job ended without a result.
public struct AblationError: Error, CustomStringConvertible {
    public let job: String
    public let status: Int32
    public let log: URL

    public var description: String {
        let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        return "job \(job) failed with status \(status): \(text.suffix(500))\nthe same command goes on with what is left"
    }
}
