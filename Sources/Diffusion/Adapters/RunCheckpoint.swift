import Layers
import Torch

/// A run's checkpoint of adapters, which is a file for other programs, too.
public enum RunCheckpoint {
    private static let iteration = "iteration"

    /// Entries of a checkpoint's header.
    public static func metadata(iteration k: Int) -> [String: String] { ["format": "pt", iteration: "\(k)"] }

    /// The UNet's adapters under PEFT's names, as they lie in the file: alpha is not applied. Reads what earlier versions wrote, too.
    public static func adapters(_ file: SafeTensorsFile) throws -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for name in file.names {
            guard let known = AdapterName(name) else {
                // Stays what it is, and is reported as no part of the network.
                tensors[name] = try file.tensor(name)
                continue
            }
            guard known.part == .unet, known.role != .alpha else { continue }
            tensors[known.path + (known.role == .down ? LowRankAdapters.down : LowRankAdapters.up)] = try file.tensor(name)
        }
        return tensors
    }

    /// Why a checkpoint is not read as a LoRA: earlier versions wrote it without its alpha, which `run.yaml` alone tells.
    static func refusal(_ file: SafeTensorsFile) -> String? {
        let isBare = !file.names.isEmpty && file.names.allSatisfy { $0.hasSuffix(LowRankAdapters.down) || $0.hasSuffix(LowRankAdapters.up) }
        guard isBare, file.metadata[iteration] != nil, !file.names.contains(where: { $0.hasPrefix("unet.") }) else { return nil }
        return "is a checkpoint that an earlier version of this program wrote, and does not tell its alpha: take the run's lora.safetensors, or finish the run"
    }
}
