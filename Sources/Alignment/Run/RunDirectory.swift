import Foundation
import Torch

/// Where the parts of a run lie.
public struct RunDirectory: Sendable {
    public let root: URL

    public init(_ root: URL) { self.root = root }

    public var configuration: URL { root.appendingPathComponent("run.yaml") }
    public var log: URL { root.appendingPathComponent("log.jsonl") }
    /// For TensorBoard, which takes every file with `tfevents` in its name.
    public var events: URL { root.appendingPathComponent("tensorboard/events.out.tfevents.seppo") }
    public var state: URL { root.appendingPathComponent("state") }
    /// What was measured of every checkpoint.
    public var validation: URL { root.appendingPathComponent("validation.jsonl") }
    /// The winners that are not trained on.
    public var heldOut: URL { root.appendingPathComponent("held-out.jsonl") }
    /// The images that checkpoint `k` has drawn.
    public func samples(_ k: Int) -> URL { samples.appendingPathComponent(String(format: "k%04d", k)) }
    private var samples: URL { root.appendingPathComponent("samples") }
    /// The aligned pipeline.
    public var model: URL { root.appendingPathComponent("model") }
    /// The adapters of a run that trained them, for other programs.
    public var adapters: URL { root.appendingPathComponent("lora.safetensors") }
    public var evaluation: URL { root.appendingPathComponent("evaluation.json") }
    public var report: URL { root.appendingPathComponent("report.html") }
    /// Latents and text states of the winners, where the settings name no other place.
    public var cache: URL { root.appendingPathComponent("cache") }
    public var skippedFiles: URL { root.appendingPathComponent("skipped.jsonl") }

    /// The policy after iteration `k`, 1 … K: its UNet, or its adapters alone; checkpoint 0 is the base model's own file.
    public func checkpoint(_ k: Int, ofAdapters: Bool = false) -> URL {
        let name = ofAdapters ? "lora.safetensors" : "unet.safetensors"
        return root.appendingPathComponent("checkpoints").appendingPathComponent(String(format: "%04d", k)).appendingPathComponent(name)
    }

    /// Whether a run was begun here.
    public var holdsRun: Bool { FileManager.default.fileExists(atPath: configuration.path) }

    /// Makes the folders; throws what the file system says.
    public func create() throws {
        for folder in [root, state] { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }
    }

    /// Removes the temporary files of a process that was killed while it wrote. To be called by the holder of the run alone.
    func removeLeftovers() throws {
        for folder in [root] + contents.filter(\.hasDirectoryPath) { try AtomicFile.removeLeftovers(in: folder) }
    }

    /// Removes what a run has written beside its configuration and the encoded winners.
    func removeResults() {
        let scores = root.appendingPathComponent("scores.jsonl")
        let results = [log, events, validation, heldOut, samples, root.appendingPathComponent("checkpoints"), model, adapters, evaluation, report, scores]
        for result in results { try? FileManager.default.removeItem(at: result) }
    }

    /// Bytes of all files of the run, without the cache.
    var bytes: Int { contents.reduce(0) { $0 + ((try? $1.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0) } }

    private var contents: [URL] {
        guard let all = FileManager.default.enumerator(at: root, includingPropertiesForKeys: [.fileSizeKey, .isDirectoryKey]) else { return [] }
        var files: [URL] = []
        for case let file as URL in all {
            // Its files are many, and other processes may be writing there.
            if file.standardizedFileURL.path == cache.standardizedFileURL.path { all.skipDescendants() } else { files.append(file) }
        }
        return files
    }
}

/// Holds a run for this process alone. The kernel releases it with the process, so a dead one never blocks.
public final class RunLock {
    private let descriptor: Int32

    public init(_ directory: RunDirectory) throws {
        let path = Self.file(directory)
        descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw RunError.unusable(path, String(cString: strerror(errno))) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw RunError.locked(directory.root.path)
        }
    }

    /// Whether some process holds the run now. The file alone says nothing: it stays behind.
    public static func isHeld(_ directory: RunDirectory) -> Bool {
        let descriptor = open(file(directory), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    private static func file(_ directory: RunDirectory) -> String { directory.root.appendingPathComponent("lock").path }

    deinit { close(descriptor) }
}

/// Why a run does not start or go on.
public enum RunError: Error, CustomStringConvertible {
    case unusable(String, String)
    case locked(String)
    case exists(String)
    case differs([String])
    case notFinite(Int)
    /// No update of the run was taken.
    case noneTaken(Int)
    /// Nothing finite comes out of the policy that the last update has left.
    case spoilt
    /// A setting that makes no sense, or does not suit the model.
    case setting(String)
    case state(String)
    case disk(needed: Int, free: Int, String)
    case model(String)

    public var description: String {
        switch self {
        case .unusable(let path, let reason): "\(path): \(reason)"
        case .locked(let path): "\(path): another process is working on this run"
        case .exists(let path): "\(path) already holds a run: go on with --resume, or choose another --output"
        case .differs(let changes):
            "the run was begun with something else; resume it with the same, or choose another --output:\n  " + changes.joined(separator: "\n  ")
        case .notFinite(let count):
            "the loss or its gradient was not finite in \(count) updates in a row; the last good state is kept. A lower learning rate or beta may help"
        case .noneTaken(let count):
            "\(count == 1 ? "the only update was" : "all \(count) updates were") left out, because the loss or its gradient was not finite: nothing was trained and no "
                + "model is written. A lower beta or guidance, or a precision of f32 or bf16, may help"
        case .spoilt:
            "the last update has left weights from which nothing finite comes: no model is written, and the last good state is kept. A lower learning rate may help"
        case .setting(let message): message
        case .state(let message): message
        case .disk(let needed, let free, let path):
            "\(path): a run with these settings needs about \(needed >> 20) MB, and \(free >> 20) MB are free"
        case .model(let message): message
        }
    }
}
