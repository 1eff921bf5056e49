import Foundation
import Storage
import Torch

extension SingleFile {
    private static let unetPrefix = "model.diffusion_model."
    private static let autoencoderPrefix = "first_stage_model."
    private static let textPrefix = "cond_stage_model.transformer."

    /// Writes the three networks under their original names, and what the network predicts where that is not noise.
    ///
    /// Throws `ConfigurationError` where the file would not tell what the pipeline is: where its configuration is not the one that `init` would read off
    /// the shapes, its schedule not Stable Diffusion 1.x's, its tokenizer not CLIP's.
    static func write(_ pipeline: Pipeline, unetTensors: [(name: String, value: Tensor)], to url: URL) throws {
        func refuse(_ what: String) -> ConfigurationError {
            ConfigurationError(file: url.path, message: "a single file cannot tell the model's \(what): write a diffusers folder")
        }
        func renamed(_ tensors: [(name: String, value: Tensor)], _ prefix: String, _ name: (String) -> String?) throws -> [(name: String, value: Tensor)] {
            try tensors.map { tensor in
                guard let original = name(tensor.name) else { throw refuse("tensor \(tensor.name)") }
                return (prefix + original, tensor.value.detached)
            }
        }
        let unet = try renamed(unetTensors, unetPrefix, OriginalNames.unet(pipeline.unet.configuration).original)
        let names = OriginalNames.autoencoder(pipeline.autoencoder.configuration)
        let autoencoder = try renamed(pipeline.stores.autoencoder.parameters, autoencoderPrefix, names.original).map { tensor in
            let isAttention = ["q", "k", "v", "proj_out"].contains { tensor.name.hasSuffix(".mid.attn_1.\($0).weight") }
            return isAttention ? (tensor.name, tensor.value.unsqueezed(-1).unsqueezed(-1)) : tensor
        }
        let textEncoder = try renamed(pipeline.stores.textEncoder.parameters, textPrefix) { $0 }

        func shapes(_ tensors: [(name: String, value: Tensor)], _ prefix: String) -> OriginalShapes {
            OriginalShapes(file: url.path, shapes: Dictionary(uniqueKeysWithValues: tensors.map { (String($0.name.dropFirst(prefix.count)), $0.value.shape) }))
        }
        guard (try? shapes(unet, unetPrefix).unet()) == pipeline.unet.configuration else { throw refuse("UNet configuration") }
        guard (try? shapes(autoencoder, autoencoderPrefix).autoencoder()) == pipeline.autoencoder.configuration else {
            throw refuse("autoencoder configuration")
        }
        guard (try? shapes(textEncoder, textPrefix).textEncoder()) == pipeline.textEncoder.configuration else { throw refuse("text encoder configuration") }
        guard pipeline.tokenizer.isSame(as: .standard) else { throw refuse("tokenizer") }
        let (marks, metadata) = try statements(of: pipeline.schedule) ?? { throw refuse("noise schedule") }()
        try SafeTensors.write(unet + autoencoder + textEncoder + marks, metadata: metadata, to: url)
    }

    /// What states the schedule, for the readers of both: tensors, and entries of the header. Nil where nothing does.
    private static func statements(of schedule: NoiseSchedule) throws -> (marks: [(name: String, value: Tensor)], metadata: [String: String])? {
        var standard = scheduler
        if try schedule.cumulative == standard.noiseSchedule().cumulative {
            guard schedule.predictionType == .velocity else { return ([], ["format": "pt"]) }
            return ([("v_pred", Tensor.zeros([0]))], ["format": "pt", "modelspec.prediction_type": "v"])
        }
        standard.rescaleToZeroSignal = true
        guard schedule.predictionType == .velocity, try schedule.cumulative == standard.noiseSchedule().cumulative else { return nil }
        return ([("v_pred", Tensor.zeros([0])), ("ztsnr", Tensor.zeros([0]))], ["format": "pt", "modelspec.prediction_type": "v"])
    }
}
