import Alignment
import Diffusion
import Experiments
import Foundation
import TestFiles
import Torch

/// What the tests align, and with what.
enum Materials {
    /// The built-in model, by its folder: under its name it has a preset, and every run ends in a long evaluation.
    static var model: String { BuiltInModel.scenes.folder.path }

    /// Twelve good pictures of Scenes. Tests that spoil them work on a copy.
    static let winners: URL = {
        let url = folder.url("winners")
        let corpus = SceneCorpus(quality: .good, split: .train, count: 12, seed: 5)
        try! SceneFolder.write(corpus, to: url)
        return url
    }()

    private static let folder = TemporaryFolder()

    static func copyOfWinners(in folder: TemporaryFolder) throws -> URL {
        let copy = folder.url("winners")
        try FileManager.default.copyItem(at: winners, to: copy)
        return copy
    }

    /// The arguments of an alignment of some seconds.
    static func align(_ run: URL, winners: URL = winners, iterations: Int = 2, updates: Int = 2, batch: Int = 2, _ others: String...) -> [String] {
        [
            "align", "--model", model, "--winners", winners.path, "--output", run.path, "--iterations", "\(iterations)", "--updates", "\(updates)",
            "--batch", "\(batch)", "--threads", "1", "--learning-rate", "1e-4",
        ] + (others.contains("sft") ? [] : ["--beta", "50", "--sample-steps", "2", "--guidance", "3"]) + others
    }
}

/// What a run directory holds.
struct RunFiles {
    let root: URL

    init(_ root: URL) { self.root = root }

    /// Whole lines of the log.
    var updatesLogged: Int { (try? Data(contentsOf: root.appendingPathComponent("log.jsonl")))?.count { $0 == UInt8(ascii: "\n") } ?? 0 }

    /// The log without what differs from one machine, or moment, to another.
    func log() throws -> [NSDictionary] {
        let text = try String(contentsOf: root.appendingPathComponent("log.jsonl"), encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
            return object.filter { !["sample_s", "update_s", "examples_per_s", "peak_mb"].contains($0.key) } as NSDictionary
        }
    }

    /// Whether what the log and the saved state speak of is there and can be read.
    func isWholeAsFarAsSaved(updates: Int) throws -> Bool {
        let saved = try RunState.newest(RunDirectory(root))?.counters.updates ?? 0
        let checkpoints = (0..<saved / updates).map { RunDirectory(root).checkpoint($0 + 1) }
        return updatesLogged >= saved && checkpoints.allSatisfy { (try? SafeTensorsFile($0).all().isEmpty) == false }
    }

    /// The weights of every checkpoint and of the aligned model, byte by byte.
    func weights() throws -> [String: Data] {
        let manager = FileManager.default
        let checkpoints = try manager.contentsOfDirectory(atPath: root.appendingPathComponent("checkpoints").path)
        let files = checkpoints.map { "checkpoints/\($0)/unet.safetensors" } + ["model/unet/diffusion_pytorch_model.safetensors"]
        return try Dictionary(uniqueKeysWithValues: files.map { ($0, try Data(contentsOf: root.appendingPathComponent($0))) })
    }
}
