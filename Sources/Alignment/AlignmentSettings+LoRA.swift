import Diffusion
import Layers
import Torch

extension AlignmentSettings {
    /// What the adapters' changes are multiplied by; nil where the whole UNet is trained.
    var loraScale: Double? { lora > 0 ? (loraAlpha ?? Double(lora)) / Double(lora) : nil }

    /// The policy's tensors at the start of a run, or as they were saved.
    func policyStore(_ pipeline: Pipeline, saved: [String: Tensor]?) -> ParameterStore {
        let base = pipeline.unetTensors
        guard let loraScale else { return ParameterStore(saved ?? base, isTrainable: true) }
        let adapters =
            saved.map { LowRankAdapters($0, scale: loraScale) }
            ?? LowRankAdapters(
                rank: lora, alpha: loraScale * Double(lora), layers: LoRA.attentionProjections(base), seed: SeededGenerator.seed(seed, "adapters", 0))
        return ParameterStore(base, isTrainable: true, adapters: adapters)
    }

    /// Numbers that are trained.
    func trainedCount(_ pipeline: Pipeline) -> Int {
        let base = pipeline.unetTensors
        guard lora > 0 else { return base.values.reduce(0) { $0 + $1.count } }
        return LoRA.attentionProjections(base).values.reduce(0) { $0 + lora * ($1[0] + $1[1]) }
    }
}
