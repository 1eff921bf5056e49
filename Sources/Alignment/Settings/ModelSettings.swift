import Diffusion

/// The model that a run begins with.
public struct ModelSettings: Sendable, Equatable {
    /// A diffusers folder, a single file, or the name of a ``BuiltInModel``.
    public var path: String
    /// The model that gives the parts that `path` lacks, where that is a UNet alone.
    public var base: String?
    /// Motion modules, which make a model of still pictures draw clips; nil: the model's own, if it has any.
    public var motion: String?
    /// Stand in for the model's own parts.
    public var vae: String?
    public var textEncoder: String?
    /// What the UNet predicts; nil: what its files say, which a run writes down.
    public var prediction: PredictionType?

    /// Whether it ships with this program.
    public var isBuiltIn: Bool { BuiltInModel(rawValue: path) != nil }

    public static let declared = SettingGroup(
        "Model",
        [
            Setting(\.model.path, "model", "A diffusers folder, a .safetensors file, `scenes` or `moving-scenes`."),
            Setting(\.model.base, "base", "The model that a UNet alone was trained from, which gives the other parts."),
            Setting(\.model.motion, "motion", "Motion modules over a model of pictures: a MotionAdapter folder, or a .safetensors file."),
            Setting(\.model.vae, "vae", "Autoencoder in place of the model's own: a file, a folder, or a whole model that has it."),
            Setting(\.model.textEncoder, "text-encoder", "Text encoder in place of the model's own, likewise."),
            Setting(
                \.model.prediction, "prediction", "What the UNet predicts where its files do not say: epsilon, or v_prediction (v).", unrecorded: .asNow),
        ])
}
