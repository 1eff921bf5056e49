import Alignment
import ArgumentParser
import Datasets
import Diffusion
import Foundation

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

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(help: "A YAML file of options, under their names in snake_case.")
    var config: String?
}
