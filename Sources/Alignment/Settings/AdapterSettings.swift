import Diffusion

/// What of the UNet is trained: all of it, its motion modules, or adapters beside it, and the file that these are written to.
public struct AdapterSettings: Sendable, Equatable {
    /// Nil: adapters where `rank` or `from` is given, otherwise the motion modules of a moving model, and the whole of another.
    public var train: TrainedPart.Kind?
    /// Rank of the adapters that are trained beside the layers of `targets`; 0: the whole UNet is trained.
    public var rank = 0
    /// Their changes count alpha / rank; nil: alpha is the rank.
    public var alpha: Double?
    /// Which layers have adapters.
    public var targets = [LoRA.Target.attention]
    /// A file of adapters to go on from, which says itself which layers have them and of which rank; nil: new ones.
    public var from: String?
    /// Names of the tensors in the file of adapters that a run ends with.
    public var names = LoRA.Naming.kohya

    public static let declared = SettingGroup(
        "Adapters",
        [
            Setting(
                \.adapters.train, "train", "What is trained: whole, lora (adapters, as --lora says), or motion (a moving model's motion modules).",
                default: "lora where --lora is given, motion where the model moves, else whole", unrecorded: .asNow),
            Setting(\.adapters.rank, "lora", "Train adapters of this rank, not the whole UNet.", default: "0, the whole", in: .between(0, 4096)),
            Setting(
                \.adapters.alpha, "lora-alpha", "The adapters' changes count alpha / rank.", default: "the rank",
                in: .ifGiven(SettingRange("be above 0 and at most 1000000") { $0 > 0 && $0 <= 1e6 })),
            Setting(
                \.adapters.targets, "lora-targets",
                "Layers with adapters: attention, feed-forward, convolutions, or motion (what of attention is in motion modules).",
                in: SettingRange("name some layers") { !$0.isEmpty }),
            Setting(\.adapters.from, "lora-from", "A LoRA file to go on from, with its own layers and rank."),
            Setting(
                \.adapters.names, "lora-names", "Names in OUTPUT/lora.safetensors: kohya, which most programs read, or diffusers.", changesNumbers: false),
        ])
}
