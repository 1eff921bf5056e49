import Alignment
import ArgumentParser
import Datasets
import Diffusion
import Foundation
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
extension LoRA.Target: ExpressibleByArgument {}

/// A model, and adapters to add to it.
struct ModelOptions: ParsableArguments {
    @Option(help: "A diffusers folder, a .safetensors file, or `scenes`.", transform: Place.path) var model: String
    @Option(help: "A file of adapters (LoRA) to add to the model.", transform: Place.url) var lora: URL?
    @Option(help: "How much of the adapters' change is added.") var loraScale = 1.0

    /// What is read of a model.
    func reads(_ use: inout FileUse) {
        use.reads("--model", BuiltInModel.resolve(model))
        use.reads("--lora", lora)
    }

    func pipeline() throws -> Pipeline {
        let pipeline = try Pipeline(BuiltInModel.resolve(model))
        return try lora.map { try pipeline.merged(LoRA.File($0), scale: loraScale) } ?? pipeline
    }
}

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(help: "A YAML file of options, under their names in snake_case.", transform: Place.path)
    var config: String?

    func reads(_ use: inout FileUse) { use.reads("--config", config.map { URL(fileURLWithPath: $0) }) }
}
