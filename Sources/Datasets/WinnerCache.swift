import Diffusion
import Foundation
import Torch

/// Encoded winners on disk, so that a resumed run need not encode again. A file counts only under the key of the very images, captions,
/// settings and encoders it was made from.
struct WinnerCache {
    let file: URL
    let key: String

    /// nil where there is no file for this key.
    func load() -> EncodedWinners? {
        guard let stored = try? SafeTensorsFile(file), stored.metadata["key"] == key, let json = stored.metadata["winners"],
            let list = try? JSONDecoder().decode(List.self, from: Data(json.utf8)), let tensors = try? stored.all(),
            let latents = Self.posterior("latents", tensors), let states = tensors["states"], let emptyState = tensors["empty_state"]
        else { return nil }
        return EncodedWinners(
            key: key, latents: latents, mirrored: Self.posterior("mirrored", tensors), losers: Self.posterior("losers", tensors), states: states,
            emptyState: emptyState, captionRows: list.captionRows, captions: list.captions, skips: list.skips)
    }

    func save(_ winners: EncodedWinners) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let json = try encoder.encode(List(captionRows: winners.captionRows, captions: winners.captions, skips: winners.skips))
        var tensors = ["states": winners.states, "empty_state": winners.emptyState]
        for (name, posterior) in [("latents", winners.latents as LatentPosterior?), ("mirrored", winners.mirrored), ("losers", winners.losers)] {
            tensors[name + ".mean"] = posterior?.mean
            tensors[name + ".deviation"] = posterior?.deviation
        }
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try SafeTensors.write(tensors, metadata: ["key": winners.key, "winners": String(decoding: json, as: UTF8.self)], to: file)
    }

    private struct List: Codable {
        let captionRows: [Int]
        let captions: [String]
        let skips: [Skip]
    }

    private static func posterior(_ name: String, _ tensors: [String: Tensor]) -> LatentPosterior? {
        tensors[name + ".mean"].map { LatentPosterior(mean: $0, deviation: tensors[name + ".deviation"]) }
    }
}
