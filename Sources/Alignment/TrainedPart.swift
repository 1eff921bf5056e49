import Diffusion
import Foundation
import Layers
import Networks
import Storage
import Torch

/// What of a denoiser is trained, over what stays as it is: the whole network, some of its tensors, or adapters of low rank beside its layers.
///
/// What stays is there once: adapters or motion modules in training and those of every reference stand over the same tensors.
public struct TrainedPart {
    /// What of a network can be trained.
    public enum Kind: String, Codable, Sendable, CaseIterable {
        case whole
        /// Adapters of low rank beside its layers.
        case lora
        /// The motion modules of a network that draws clips.
        case motion

        /// A checkpoint's name.
        var file: String {
            switch self {
            case .whole: "unet.safetensors"
            case .lora: "lora.safetensors"
            case .motion: "motion.safetensors"
            }
        }

        /// Where the parameters stand, for people.
        var place: String {
            switch self {
            case .whole: ""
            case .lora: " in adapters"
            case .motion: " in motion modules"
            }
        }
    }

    public let kind: Kind
    /// The model that training begins with.
    public let pipeline: DenoisingPipeline
    /// What is trained, as it begins: tensors of the network by name, or adapters'.
    private let start: [String: Tensor]
    /// Nil where tensors of the network itself are trained.
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
        guard let scale = settings.loraScale else { return try choose(settings.trainedKind, of: pipeline) }
        let file = try settings.loraFile
        let adapters = Adapters(scale: scale, areFromFile: file != nil, textEncoder: try settings.modelFiles.textEncoderAdapters())
        let tensors = try file.map { try $0.adapters(of: .unet, over: pipeline.unetTensors).tensors } ?? newAdapters(settings, scale, pipeline.unetTensors)
        if let file, tensors.isEmpty { throw RunError.model("\(file.url.path) holds no adapters of a UNet to go on from") }
        return TrainedPart(kind: .lora, pipeline: pipeline, start: tensors, adapters: adapters)
    }

    private static func choose(_ kind: Kind, of pipeline: DenoisingPipeline) throws -> TrainedPart {
        let network = pipeline.unetTensors.filter { !MotionConfiguration.isConstant($0.key) }
        let start = kind == .motion ? network.filter { MotionConfiguration.owns($0.key) } : network
        guard !start.isEmpty else { throw RunError.model("this model draws still pictures: it has no motion modules to train") }
        return TrainedPart(kind: kind, pipeline: pipeline, start: start, adapters: nil)
    }

    private static func newAdapters(_ settings: AlignmentSettings, _ scale: Double, _ network: [String: Tensor]) throws -> [String: Tensor] {
        let layers = LoRA.layers(settings.adapters.targets, of: network)
        guard !layers.isEmpty else {
            throw RunError.model("this model has no layers of the kind \(settings.adapters.targets.map(\.rawValue).joined(separator: ", "))")
        }
        let seed = SeededGenerator.seed(settings.run.seed, "adapters", 0)
        return LowRankAdapters(rank: settings.adapters.rank, alpha: scale * Double(settings.adapters.rank), layers: layers, seed: seed).tensors
    }

    /// Numbers that are trained.
    public var count: Int { start.values.reduce(0) { $0 + $1.count } }

    // MARK: Networks

    /// A policy that is at the start of its training.
    func makePolicy(_ settings: AlignmentSettings) throws -> Policy {
        let store = ParameterStore(
            pipeline.unetTensors, isTrainable: true, training: { [start] in start[$0] != nil },
            adapters: adapters.map { LowRankAdapters(start, scale: $0.scale) }, on: pipeline.placement)
        return try Policy.make(store) { store in
            var denoiser = try pipeline.denoiser(over: store)
            denoiser.recomputesBlocks = settings.computation.gradientCheckpointing
            denoiser.precision = settings.computation.precision
            return denoiser
        }
    }

    /// A network whose trained part is that of a checkpoint; it records no gradient.
    /// - Parameter origin: where the tensors come from, for the error's text
    func denoiser(with trained: [String: Tensor], from origin: String? = nil) throws -> any Denoiser {
        if let adapters {
            let beside = LowRankAdapters(trained, scale: adapters.scale)
            return try pipeline.denoiser(over: ParameterStore(pipeline.unetTensors, from: origin, adapters: beside, on: pipeline.placement))
        }
        // What is not trained is the model's own; of what is, a checkpoint has to have all, which the network's building would not notice then.
        let frozen = pipeline.unetTensors.filter { start[$0.key] == nil }
        return try pipeline.denoiser(over: ParameterStore(frozen.merging(trained) { frozen, _ in frozen }, from: origin, on: pipeline.placement))
    }

    /// What checkpoint 0 has to be kept as; nil where the model itself serves.
    ///
    /// A large model's own file does not: nothing of it is copied into memory, and weights that lie there otherwise than the policy's would not give equal
    /// bits, on which the flip depends. Nor does a model that adapters from elsewhere stand beside. On another device all weights lie alike.
    var firstCheckpoint: [String: Tensor]? {
        adapters?.areFromFile ?? (ParameterStore.isLarge(pipeline.unetTensors) && pipeline.placement.device == .cpu) ? start : nil
    }

    // MARK: Files

    /// Reads the trained part of a checkpoint, under the policy's own names. Throws where a byte of the file is another than was written.
    static func read(_ checkpoint: URL, _ kind: Kind) throws -> [String: Tensor] {
        let file = try SafeTensorsFile(checkpoint)
        try file.verify()
        // Tables of positions are there for other programs.
        return try kind == .lora ? RunCheckpoint.adapters(file) : file.all().filter { !MotionConfiguration.isConstant($0.key) }
    }

    /// Writes a trained part as the checkpoint of iteration `k`: adapters under the names that every program reads.
    func write(_ trained: [(name: String, value: Tensor)], iteration k: Int, to file: URL) throws {
        try createFolder(file.deletingLastPathComponent())
        let metadata = RunCheckpoint.metadata(iteration: k)
        guard let adapters else {
            if kind == .motion, let configuration = try? MotionAdapterConfiguration(of: pipeline.unet.configuration) {
                // For other programs too: tensors do not tell the number of heads.
                let place = file.deletingLastPathComponent().appendingPathComponent("config.json")
                try writeAtomically(Data(configuration.json.text.utf8), to: place)
            }
            let constants = pipeline.unetTensors.filter { MotionConfiguration.isConstant($0.key) }.sorted { $0.key < $1.key }
            let all = trained + constants.map { (name: $0.key, value: $0.value) }
            return try SafeTensors.write(all, metadata: metadata, forMapping: true, isSealed: true, to: file)
        }
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
