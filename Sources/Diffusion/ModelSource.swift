import Foundation

/// Which model is meant: where its parts lie, and what its files do not say themselves.
public struct ModelSource: Sendable, Equatable {
    /// A diffusers folder, a single safetensors file, or a UNet alone in either form.
    public var location: URL
    /// The model that gives the parts that `location` lacks.
    public var base: URL?
    /// Stands in for the model's own autoencoder: a file, a folder of that part, or a whole model.
    public var autoencoder: URL?
    /// Stands in for the model's own text encoder.
    public var textEncoder: URL?
    /// Motion modules to add to a model of pictures, which then draws clips; see ``MotionFile``.
    public var motion: URL?
    /// What the UNet predicts, where nothing beside its weights says so.
    public var prediction: PredictionType?

    public init(
        _ location: URL, base: URL? = nil, autoencoder: URL? = nil, textEncoder: URL? = nil, motion: URL? = nil, prediction: PredictionType? = nil
    ) {
        (self.location, self.base, self.autoencoder, self.textEncoder) = (location, base, autoencoder, textEncoder)
        (self.motion, self.prediction) = (motion, prediction)
    }
}
