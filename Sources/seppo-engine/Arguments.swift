import Alignment
import ArgumentParser
import Commands
import Diffusion
import Encoding
import Experiments
import Foundation
import Storage
import Torch

// The library's choices as values of options, with their names.
extension Method.Name: ExpressibleByArgument {}
extension ReferenceRule: ExpressibleByArgument {}
extension Flip: ExpressibleByArgument {}
extension LosingSource: ExpressibleByArgument {}
extension LearningRateSchedule.Shape: ExpressibleByArgument {}
extension AlignmentSettings.ReferenceDraw: ExpressibleByArgument {}
extension EncodingSettings.Posterior: ExpressibleByArgument {}
extension SamplerName: ExpressibleByArgument {}
extension SceneSplit: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
extension TrainedPart.Kind: ExpressibleByArgument {}
extension LoRA.Target: ExpressibleByArgument {}
extension LoRA.Naming: ExpressibleByArgument {}

extension PredictionType: ExpressibleByArgument {
    public init?(argument: String) { self.init(word: argument) }
    public static var allValueStrings: [String] { allCases.map(\.rawValue) + ["v"] }
}

/// A model, and adapters to add to it.
struct ModelOptions: ParsableArguments {
    @Option(help: "A diffusers folder, a .safetensors file, `scenes` or `moving-scenes`.", transform: Place.path) var model = ""
    @Option(path: \.model.base) var base: String?
    @OptionGroup var parts: ModelPartOptions
    @Option(help: "A file of adapters (LoRA) to add to the model, or a PEFT folder of one.", transform: Place.url) var lora: URL?
    @Option(help: "How much of the adapters' change is added.") var loraScale = 1.0
    @Option(help: "Motion modules (AnimateDiff) to add to the model, which then draws clips: a folder or a .safetensors file.", transform: Place.url)
    var motion: URL?

    /// Throws where no model is named, as the parser does for an option that is always due: `convert --names` has none.
    func requireModel() throws {
        if model.isEmpty { throw ValidationError("Missing expected argument '--model <model>'") }
    }

    /// What is read of a model.
    func reads(_ use: inout FileUse) {
        if !model.isEmpty { use.reads("--model", BuiltInModel.resolve(model)) }
        use.reads("--base", base.map(BuiltInModel.resolve))
        use.reads("--vae", parts.vae.map(BuiltInModel.resolve))
        use.reads("--text-encoder", parts.textEncoder.map(BuiltInModel.resolve))
        use.reads("--lora", lora)
        use.reads("--motion", motion)
    }

    func validate() throws { try require("lora-scale", loraScale, in: -1000...1000) }

    func pipeline(on placement: Placement) throws -> Pipeline {
        var source = parts.source(model, base: base)
        source.motion = motion
        let files = try ModelFiles(source)
        for note in try files.motionNotes() { Console.line("note: \(note)") }
        if let names = files.setAsideText { Console.line("of \(model) not used: \(names)") }
        let pipeline = try Pipeline.load(files, on: placement)
        return try lora.map { try pipeline.merged(LoRA.File($0), scale: loraScale) } ?? pipeline
    }
}

/// Where networks compute.
struct DeviceOptions: ParsableArguments {
    @Option(\.computation.device) var device: String?

    func validate() throws {
        guard let device, !Device.isName(device) else { return }
        throw ValidationError("--device: \(DeviceError.unknownName(device))")
    }

    /// Throws where there is no such device. Says where it is, unless that is the processor.
    func placement() throws -> Placement {
        let placement = Placement(try Device(named: device ?? AlignmentSettings(model: "", winners: "").computation.device))
        placement.announce()
        return placement
    }
}

extension Placement {
    /// Says where networks compute, unless that is the processor.
    func announce() { if device != .cpu { Console.line("computing on \(device)") } }
}

/// What a model's own files lack or do not say.
struct ModelPartOptions: ParsableArguments {
    @Option(path: \.model.vae) var vae: String?
    @Option(path: \.model.textEncoder) var textEncoder: String?
    @Option(\.model.prediction) var prediction: PredictionType?

    func source(_ model: String, base: String?) -> ModelSource {
        ModelSource(
            BuiltInModel.resolve(model), base: base.map(BuiltInModel.resolve), autoencoder: vae.map(BuiltInModel.resolve),
            textEncoder: textEncoder.map(BuiltInModel.resolve), prediction: prediction)
    }
}

extension Place {
    /// A path of a model that means the same from every folder; it may be a built-in one.
    static func ofModel(_ path: String) -> String { BuiltInModel(rawValue: path) != nil ? path : absolute(path) }
}
