import Torch

/// By what means an update is computed: memory against time and precision.
public struct ComputationSettings: Sendable, Equatable {
    /// In which policy and references compute. Weights, their gradients, the optimiser and the reduction of errors stay float32.
    public var precision = Precision.f32
    /// Winners that are computed at once; gradients of the micro-batches of an update are summed. 0: the whole batch.
    public var microBatch = 0
    /// Whether blocks of the policy are run again for the gradient instead of keeping what they computed: less memory, the same gradient, more time.
    public var gradientCheckpointing = false
    public var threads = 0
    /// By its name: see `Device.init(named:among:)`.
    public var device = "auto"
    /// That share out the examples of every update.
    public var processes = 1

    public static let declared = SettingGroup(
        "Computation",
        [
            Setting(\.computation.precision, "precision", "In which the UNet computes; weights, optimiser and errors stay f32."),
            Setting(
                \.computation.microBatch, "micro-batch", "Winners computed at once; less memory, the same gradient.", default: "the batch",
                in: .between(0, 1_000_000)),
            Setting(
                \.computation.gradientCheckpointing, "gradient-checkpointing",
                "Keep less for the gradient and compute it again: less memory, more time."),
            Setting(\.computation.threads, "threads", "Threads; 0 leaves the choice to libtorch.", in: .between(0, 1024)),
            Setting(
                \.computation.device, "device", "Where networks compute: auto, cpu, cuda, cuda:N or mps. Noise is drawn on the processor in any case.",
                in: SettingRange("be auto, cpu, cuda, cuda:N or mps", Device.isName), changesNumbers: false),
            Setting(
                \.computation.processes, "processes",
                "Processes on this machine that share out the examples of every update, and the threads; torchrun, Slurm and Open MPI start their own.",
                in: .between(1, 1024), changesNumbers: false),
        ])
}
