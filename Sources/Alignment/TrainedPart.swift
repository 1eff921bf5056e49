import Diffusion
import Foundation
import Layers
import Networks
import Storage
import Torch

/// What of a denoiser is trained, over what stays as it is: the whole network, or adapters of low rank beside its layers.
///
/// The model's own tensors are there once: adapters in training and those of every reference stand beside the same ones.
public struct TrainedPart {
    /// The model that training begins with.
    public let pipeline: DenoisingPipeline
    /// What is trained, as it begins: a network's tensors by name, or adapters'.
    private let start: [String: Tensor]
    /// Nil where the whole network is trained.
    private let adapters: Adapters?

    private struct Adapters {
        /// alpha / r.
        let scale: Double
        /// Whether they were made elsewhere and are trained further.
        let areFromFile: Bool
        /// Adapters that the model's text encoder has taken up. Every checkpoint has them, so that it means the same in other programs.
        let textEncoder: LowRankAdapters?
    }

    /// Takes what the settings train of a model, reading the file of adapters that they go on from.
    public static func choose(_ settings: AlignmentSettings, of pipeline: DenoisingPipeline) throws -> TrainedPart {
        guard let scale = settings.loraScale else { return TrainedPart(pipeline: pipeline, start: pipeline.unetTensors, adapters: nil) }
        let file = try settings.loraFile
        let adapters = Adapters(scale: scale, areFromFile: file != nil, textEncoder: try settings.modelFiles.textEncoderAdapters())
        let tensors = try file.map { try $0.adapters(of: .unet, over: pipeline.unetTensors).tensors } ?? newAdapters(settings, scale, pipeline.unetTensors)
        if let file, tensors.isEmpty { throw RunError.model("\(file.url.path) holds no adapters of a UNet to go on from") }
        return TrainedPart(pipeline: pipeline, start: tensors, adapters: adapters)
    }

    private static func newAdapters(_ settings: AlignmentSettings, _ scale: Double, _ network: [String: Tensor]) throws -> [String: Tensor] {
        let layers = LoRA.layers(settings.adapters.targets, of: network)
        guard !layers.isEmpty else {
            throw RunError.model("this model has no layers of the kind \(settings.adapters.targets.map(\.rawValue).joined(separator: ", "))")
        }
        let seed = SeededGenerator.seed(settings.run.seed, "adapters", 0)
        return LowRankAdapters(rank: settings.adapters.rank, alpha: scale * Double(settings.adapters.rank), layers: layers, seed: seed).tensors
    }

    /// Whether checkpoints hold adapters, not whole networks.
    public var isAdapters: Bool { adapters != nil }

    /// Numbers that are trained.
    public var count: Int { start.values.reduce(0) { $0 + $1.count } }

    // MARK: Networks

    /// A policy that is at the start of its training.
    func makePolicy(_ settings: AlignmentSettings) throws -> Policy {
        let store = adapters.map {
            ParameterStore(pipeline.unetTensors, isTrainable: true, adapters: LowRankAdapters(start, scale: $0.scale), on: pipeline.placement)
        }
        return try Policy.make(store ?? ParameterStore(start, isTrainable: true, on: pipeline.placement)) { store in
            var denoiser = try pipeline.denoiser(over: store)
            denoiser.recomputesBlocks = settings.computation.gradientCheckpointing
            denoiser.precision = settings.computation.precision
            return denoiser
        }
    }

    /// A network whose trained part is that of a checkpoint; it records no gradient.
    /// - Parameter origin: where the tensors come from, for the error's text
    func denoiser(with trained: [String: Tensor], from origin: String? = nil) throws -> any Denoiser {
        let store =
            adapters.map {
                ParameterStore(pipeline.unetTensors, from: origin, adapters: LowRankAdapters(trained, scale: $0.scale), on: pipeline.placement)
            } ?? ParameterStore(trained, from: origin, on: pipeline.placement)
        return try pipeline.denoiser(over: store)
    }

    /// What checkpoint 0 has to be kept as; nil where the model itself serves.
    ///
    /// A large model's own file does not: nothing of it is copied into memory, and weights that lie there otherwise than the policy's would not give equal
    /// bits, on which the flip depends. Nor does a model that adapters from elsewhere stand beside. On another device all weights lie alike.
    var firstCheckpoint: [String: Tensor]? {
        adapters?.areFromFile ?? (ParameterStore.isLarge(start) && pipeline.placement.device == .cpu) ? start : nil
    }

    // MARK: Files

    /// Reads the trained part of a checkpoint, under the policy's own names. Throws where a byte of the file is another than was written.
    static func read(_ checkpoint: URL, isAdapters: Bool) throws -> [String: Tensor] {
        let file = try SafeTensorsFile(checkpoint)
        try file.verify()
        return try isAdapters ? RunCheckpoint.adapters(file) : file.all()
    }

    /// Writes a trained part as the checkpoint of iteration `k`: adapters under the names that every program reads.
    func write(_ trained: [(name: String, value: Tensor)], iteration k: Int, to file: URL) throws {
        try createFolder(file.deletingLastPathComponent())
        let metadata = RunCheckpoint.metadata(iteration: k)
        guard let adapters else { return try SafeTensors.write(trained, metadata: metadata, forMapping: true, isSealed: true, to: file) }
        // With alpha beside matrices whose bits are the policy's.
        try LoRA.write(
            Self.lowRank(trained, adapters), textEncoder: adapters.textEncoder, metadata: metadata, forMapping: true, isSealed: true, to: file)
    }

    /// Writes the adapters that a training ends with; nothing where the whole network was trained.
    func writeAdapters(_ trained: [(name: String, value: Tensor)], naming: LoRA.Naming, to file: URL) throws {
        guard let adapters else { return }
        try LoRA.write(Self.lowRank(trained, adapters), textEncoder: adapters.textEncoder, naming: naming, to: file)
    }

    private static func lowRank(_ trained: [(name: String, value: Tensor)], _ adapters: Adapters) -> LowRankAdapters {
        LowRankAdapters(Dictionary(uniqueKeysWithValues: trained.map { ($0.name, $0.value) }), scale: adapters.scale)
    }
}
