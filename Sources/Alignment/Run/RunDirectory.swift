import Foundation
import Storage

/// Where the parts of a run lie.
public struct RunDirectory: Sendable {
    public let root: URL

    public init(_ root: URL) { self.root = root }

    public var configuration: URL { root.appendingPathComponent("run.yaml") }
    public var log: URL { root.appendingPathComponent("log.jsonl") }
    /// For TensorBoard, which takes every file with `tfevents` in its name.
    public var events: URL { root.appendingPathComponent("tensorboard/events.out.tfevents.seppo") }
    public var state: URL { root.appendingPathComponent("state") }
    /// Names the newest saved state.
    var statePointer: URL { state.appendingPathComponent("current") }
    /// What was measured of every checkpoint.
    public var validation: URL { root.appendingPathComponent("validation.jsonl") }
    /// The winners that are not trained on.
    public var heldOut: URL { root.appendingPathComponent("held-out.jsonl") }
    /// The images that checkpoint `k` has drawn.
    public func samples(_ k: Int) -> URL { samples.appendingPathComponent(String(format: "k%04d", k)) }
    var samples: URL { root.appendingPathComponent("samples") }
    /// The aligned pipeline.
    public var model: URL { root.appendingPathComponent("model") }
    /// The adapters of a run that trained them, for other programs.
    public var adapters: URL { root.appendingPathComponent("lora.safetensors") }
    public var evaluation: URL { root.appendingPathComponent("evaluation.json") }
    public var report: URL { root.appendingPathComponent("report.html") }
    /// Scores of the checkpoints, where an oracle gave them.
    public var scores: URL { root.appendingPathComponent("scores.jsonl") }
    /// Latents and text states of the winners, where the settings name no other place.
    public var cache: URL { root.appendingPathComponent("cache") }
    public var skippedFiles: URL { root.appendingPathComponent("skipped.jsonl") }
    static let lockFile = "lock"

    /// The trained part of the policy after iteration `k`, 1 … K; checkpoint 0 is the base model's own file.
    public func checkpoint(_ k: Int, of kind: TrainedPart.Kind = .whole) -> URL {
        checkpoints.appendingPathComponent(String(format: "%04d", k)).appendingPathComponent(kind.file)
    }

    var checkpoints: URL { root.appendingPathComponent("checkpoints") }

    /// Whether a run was begun here: whether `run.yaml` is the record of one.
    public var holdsRun: Bool { (try? AlignmentSettings.recorded(in: self)) != nil }

    /// What a run was begun with; nil where none was begun here.
    public var settings: AlignmentSettings? {
        (try? AlignmentSettings.recorded(in: self)).flatMap { try? AlignmentSettings(fields: $0) }
    }

    /// Makes the folders; throws what the file system says.
    public func create() throws {
        for folder in [root, state] { try createFolder(folder) }
    }

    /// Bytes of all files of the run, without the cache.
    var bytes: Int {
        guard let all = FileManager.default.enumerator(at: root, includingPropertiesForKeys: [.fileSizeKey]) else { return 0 }
        var bytes = 0
        for case let file as URL in all {
            // Its files are many, and other processes may be writing there.
            if file.standardizedFileURL.path == cache.standardizedFileURL.path { all.skipDescendants() }
            bytes += (try? file.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0
        }
        return bytes
    }
}
