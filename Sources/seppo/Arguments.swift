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
    @Option(help: "A diffusers folder, a .safetensors file, or `scenes`.") var model: String
    @Option(help: "A file of adapters (LoRA) to add to the model.", transform: { URL(fileURLWithPath: $0) }) var lora: URL?
    @Option(help: "How much of the adapters' change is added.") var loraScale = 1.0

    func validate() throws { try require("lora-scale", loraScale, in: -1000...1000) }

    func pipeline() throws -> Pipeline {
        let pipeline = try Pipeline(BuiltInModel.resolve(model))
        return try lora.map { try pipeline.merged(LoRA.File($0), scale: loraScale) } ?? pipeline
    }
}

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(help: "A YAML file of options, under their names in snake_case.")
    var config: String?
}
