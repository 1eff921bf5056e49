import Diffusion
import Encoding
import Torch
import Winners

/// Values that are chosen by name.
protocol NamedChoices {
    static var names: [String] { get }
}

extension NamedChoices where Self: CaseIterable & RawRepresentable<String> {
    static var names: [String] { allCases.map(\.rawValue) }
}

extension Optional: NamedChoices where Wrapped: NamedChoices {
    static var names: [String] { Wrapped.names }
}

extension Array: NamedChoices where Element: NamedChoices {
    static var names: [String] { Element.names }
}

extension PredictionType: NamedChoices {}
extension CaptionLines: NamedChoices {}
extension EncodingSettings.Posterior: NamedChoices {}
extension Method.Name: NamedChoices {}
extension ReferenceRule: NamedChoices {}
extension AlignmentSettings.ReferenceDraw: NamedChoices {}
extension Flip: NamedChoices {}
extension LosingSource: NamedChoices {}
extension SamplerName: NamedChoices {}
extension LearningRateSchedule.Shape: NamedChoices {}
extension LoRA.Target: NamedChoices {}
extension LoRA.Naming: NamedChoices {}
extension Precision: NamedChoices {}
