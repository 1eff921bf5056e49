import Foundation
import Layers
import Networks
import Storage
import Torch

/// What of a pipeline draws latents: the UNet and its noise schedule. It is what a run trains, and all it needs once its winners are encoded.
public struct DenoisingPipeline {
    public let unet: UNet
    public let scheduler: SchedulerConfiguration
    /// The schedule to train with and the one that reads model outputs.
    public let schedule: NoiseSchedule
    /// Of the files that the UNet's weights came from, before they were read; nil where they came from elsewhere.
    public let unetFiles: [FileIdentity]?
    private let store: ParameterStore

    init(_ unet: UNet, _ store: ParameterStore, _ scheduler: SchedulerConfiguration, _ schedule: NoiseSchedule, from files: [FileIdentity]? = nil) {
        (self.unet, self.store, self.scheduler, self.schedule, unetFiles) = (unet, store, scheduler, schedule, files)
    }

    /// Reads these parts of a model.
    /// - Parameter placement: where it is to compute
    public static func load(_ model: ModelFiles, on placement: Placement = Placement()) throws -> DenoisingPipeline {
        let files = model.unetFiles
        let (configuration, store) = try model.unet(on: placement)
        let scheduler = try model.scheduler()
        return DenoisingPipeline(try store.build { UNet($0, configuration) }, store, scheduler, try scheduler.noiseSchedule(), from: files)
    }

    /// Where it computes.
    public var placement: Placement { store.placement }

    /// The tensors of the UNet, to build another one over, such as the policy of a run.
    public var unetTensors: [String: Tensor] { store.tensors }

    /// Builds another denoiser of this kind over other tensors.
    public func denoiser(over store: ParameterStore) throws -> any Denoiser { try store.build { UNet($0, unet.configuration) } }
}

extension Pipeline {
    /// Over the same weights.
    public var denoising: DenoisingPipeline { DenoisingPipeline(unet, stores.unet, scheduler, schedule) }
}
