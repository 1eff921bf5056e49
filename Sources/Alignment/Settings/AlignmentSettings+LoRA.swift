import Diffusion
import Foundation
import Layers
import Networks
import Storage
import Torch

extension AlignmentSettings {
    /// The model that the run begins with; what a file of adapters brings along for its text encoder is part of it.
    var modelFiles: ModelFiles { get throws { try ModelFiles(modelSource, textEncoderChanges: loraFile) } }

    /// Where the model's parts lie.
    public var modelSource: ModelSource {
        ModelSource(
            BuiltInModel.resolve(model.path), base: model.base.map(BuiltInModel.resolve), autoencoder: model.vae.map(BuiltInModel.resolve),
            textEncoder: model.textEncoder.map(BuiltInModel.resolve), prediction: model.prediction)
    }

    /// That model, whole.
    public func basePipeline() throws -> Pipeline {
        let files = try modelFiles
        return try Pipeline(
            tokenizer: files.tokenizer(), textEncoder: files.textEncoder(), autoencoder: files.autoencoder(), unet: files.unet(),
            scheduler: files.scheduler())
    }

    /// The whole of it, with the adapters' changes in its UNet too.
    public func startingPipeline() throws -> Pipeline {
        let pipeline = try Pipeline(ModelFiles(modelSource))
        return try loraFile.map { try pipeline.merged($0) } ?? pipeline
    }

    /// The file of adapters to go on from.
    var loraFile: LoRA.File? { get throws { try adapters.from.map { try LoRA.File(URL(fileURLWithPath: $0)) } } }

    /// Whether adapters are trained beside the UNet, not the UNet itself.
    var trainsAdapters: Bool { adapters.rank > 0 || adapters.from != nil }

    /// What the adapters' changes are multiplied by; nil where the whole UNet is trained.
    var loraScale: Double? {
        let rank = Double(adapters.rank)
        return adapters.from != nil ? 1 : rank > 0 ? (adapters.alpha ?? rank) / rank : nil
    }

    /// The adapters that training starts with; nil where the whole UNet is trained.
    func startingAdapters(_ unet: [String: Tensor]) throws -> LowRankAdapters? {
        if let file = try loraFile {
            let found = try file.adapters(of: .unet, over: unet)
            guard !found.tensors.isEmpty else { throw RunError.model("\(file.url.path) holds no adapters of a UNet to go on from") }
            return found
        }
        guard let loraScale else { return nil }
        let layers = LoRA.layers(adapters.targets, of: unet)
        guard !layers.isEmpty else { throw RunError.model("this model has no layers of the kind \(adapters.targets.map(\.rawValue).joined(separator: ", "))") }
        return LowRankAdapters(
            rank: adapters.rank, alpha: loraScale * Double(adapters.rank), layers: layers, seed: SeededGenerator.seed(run.seed, "adapters", 0))
    }

    /// Numbers that are trained.
    func trainedCount(_ unet: [String: Tensor]) throws -> Int {
        (try startingAdapters(unet)?.tensors ?? unet).values.reduce(0) { $0 + $1.count }
    }
}
