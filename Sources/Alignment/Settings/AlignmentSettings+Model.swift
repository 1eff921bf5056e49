import Diffusion
import Encoding
import Foundation
import Media
import Torch

extension AlignmentSettings {
    /// The model that the run begins with; what a file of adapters brings along for its text encoder is part of it.
    var modelFiles: ModelFiles { get throws { try ModelFiles(modelSource, textEncoderChanges: loraFile) } }

    /// Where the model's parts lie.
    public var modelSource: ModelSource {
        ModelSource(
            BuiltInModel.resolve(model.path), base: model.base.map(BuiltInModel.resolve), autoencoder: model.vae.map(BuiltInModel.resolve),
            textEncoder: model.textEncoder.map(BuiltInModel.resolve), motion: model.motion.map { URL(fileURLWithPath: $0) }, prediction: model.prediction)
    }

    /// Where networks compute. Throws `DeviceError` where there is no such device, and `RunError.setting` where it does not compute in that precision.
    public var placement: Placement {
        get throws {
            let device = try Device(named: computation.device)
            guard computation.precision.isAvailable(on: device) else {
                throw RunError.setting("precision is \(computation.precision.rawValue): libtorch has no mixed precision on \(device)")
            }
            return Placement(device)
        }
    }

    /// That model, whole.
    public func basePipeline() throws -> Pipeline { try Pipeline.load(modelFiles, on: placement) }

    /// The whole of it, with the adapters' changes in its UNet too.
    public func startingPipeline() throws -> Pipeline {
        let pipeline = try Pipeline.load(ModelFiles(modelSource), on: placement)
        return try loraFile.map { try pipeline.merged($0) } ?? pipeline
    }

    /// The file of adapters to go on from.
    var loraFile: LoRA.File? { get throws { try adapters.from.map { try LoRA.File(URL(fileURLWithPath: $0)) } } }

    /// Whether adapters are trained beside the UNet, not the UNet itself.
    var trainsAdapters: Bool { adapters.rank > 0 || adapters.from != nil }

    /// What of the model is trained.
    public var trainedKind: TrainedPart.Kind { trainsAdapters ? .lora : adapters.train ?? .whole }

    /// What the adapters' changes are multiplied by; nil where the whole UNet is trained.
    var loraScale: Double? {
        let rank = Double(adapters.rank)
        return adapters.from != nil ? 1 : rank > 0 ? (adapters.alpha ?? rank) / rank : nil
    }

    /// How winners are encoded for this run. Throws where the resolution does not suit the model.
    func encoding(_ encoder: WinnerEncoder, _ pipeline: DenoisingPipeline) throws -> EncodingSettings {
        let factor = encoder.autoencoder.downsampling
        let side = data.resolution > 0 ? data.resolution : pipeline.unet.configuration.sampleSize * factor
        guard side % factor == 0 else { throw RunError.setting("resolution is \(side): it must be a multiple of \(factor) for this model") }
        var rule: FrameRule?
        if let motion = pipeline.unet.configuration.motion {
            let most = motion.maximumFrames
            guard clips.frames <= most else { throw RunError.setting("frames is \(clips.frames): this model's motion modules know \(most) at most") }
            rule = clips.frameRule
        }
        var encoding = EncodingSettings(
            resolution: side, posterior: data.vaePosterior, flipsImages: data.flipImages, withLosers: row.losers == .dataset, frames: rule)
        encoding.clipSeed = run.seed
        return encoding
    }
}
