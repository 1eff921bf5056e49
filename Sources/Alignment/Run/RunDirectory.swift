import Foundation
import Torch

/// Where the parts of a run lie.
public struct RunDirectory: Sendable {
    public let root: URL

    public init(_ root: URL) { self.root = root }

    public var configuration: URL { root.appendingPathComponent("run.yaml") }
    public var log: URL { root.appendingPathComponent("log.jsonl") }
    public var state: URL { root.appendingPathComponent("state") }
    public var samples: URL { root.appendingPathComponent("samples") }
    /// The aligned pipeline.
    public var model: URL { root.appendingPathComponent("model") }
    public var evaluation: URL { root.appendingPathComponent("evaluation.json") }
    public var report: URL { root.appendingPathComponent("report.html") }
    public var cache: URL { root.appendingPathComponent("cache/winners.safetensors") }
    public var skippedFiles: URL { root.appendingPathComponent("skipped.jsonl") }

    /// The policy's UNet after iteration `k`, 1 … K; checkpoint 0 is the base model's own file.
    public func checkpoint(_ k: Int) -> URL {
        root.appendingPathComponent("checkpoints").appendingPathComponent(String(format: "%04d", k)).appendingPathComponent("unet.safetensors")
    }

    /// Whether a run was begun here.
    public var holdsRun: Bool { FileManager.default.fileExists(atPath: configuration.path) }

    /// Makes the folders; throws what the file system says.
    public func create() throws {
        for folder in [root, state, samples] { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }
    }

    /// Removes what a killed process left half-written. For the holder of the lock.
    func removeLeftovers() throws {
        let checkpoints = root.appendingPathComponent("checkpoints")
        let iterations = (try? FileManager.default.contentsOfDirectory(at: checkpoints, includingPropertiesForKeys: nil)) ?? []
        for folder in [root, state, cache.deletingLastPathComponent()] + iterations where FileManager.default.fileExists(atPath: folder.path) {
            try AtomicFile.removeLeftovers(in: folder)
        }
    }
}

/// Holds a run for this process alone. The kernel releases it with the process, so a dead one never blocks.
public final class RunLock {
    private let descriptor: Int32

    public init(_ directory: RunDirectory) throws {
        let path = directory.root.appendingPathComponent("lock").path
        descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw RunError.unusable(path, String(cString: strerror(errno))) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw RunError.locked(directory.root.path)
        }
    }

    deinit { close(descriptor) }
}

/// Why a run does not start or go on.
public enum RunError: Error, CustomStringConvertible {
    case unusable(String, String)
    case locked(String)
    case exists(String)
    case differs([String])
    case notFinite(Int)
    case state(String)
    case disk(needed: Int, free: Int, String)
    case model(String)

    public var description: String {
        switch self {
        case .unusable(let path, let reason): "\(path): \(reason)"
        case .locked(let path): "\(path): another process is working on this run"
        case .exists(let path): "\(path) already holds a run: go on with --resume, or choose another --output"
        case .differs(let changes):
            "the run was begun with other settings; resume it with the same ones, or choose another --output:\n  " + changes.joined(separator: "\n  ")
        case .notFinite(let count):
            "the loss or its gradient was not finite in \(count) updates in a row; the last good state is kept. A lower learning rate or beta may help"
        case .state(let message): message
        case .disk(let needed, let free, let path):
            "\(path): a run with these settings needs about \(needed >> 20) MB, and \(free >> 20) MB are free"
        case .model(let message): message
        }
    }
}
