import Alignment
import Diffusion

/// A row of the ablation: a published method, or a cell of the grid reference rule × flip.
public struct AblationMethod: Codable, Sendable, Equatable {
    /// Short and fit for a file name.
    public let id: String
    public let title: String
    public let method: Alignment.Method.Name
    public var reference: ReferenceRule?
    public var flip: Flip?

    /// The temperature means nothing to plain fine-tuning.
    public var hasBeta: Bool { method != .sft }
    public var hasFlip: Bool { method != .sft && method != .dpo }

    /// Every method of the table and, through the overrides of `seppo`, the whole grid.
    public static let all: [AblationMethod] = [
        AblationMethod(id: "seppo", title: "SePPO", method: .seppo),
        AblationMethod(id: "sspo", title: "SSPO (indicator)", method: .sspo),
        AblationMethod(id: "seppo-none", title: "SePPO without flipper", method: .seppo, flip: Flip.none),
        AblationMethod(id: "spin", title: "SPIN-Diffusion", method: .spin),
        AblationMethod(id: "ditto", title: "DITTO-style", method: .ditto),
        AblationMethod(id: "dpo", title: "Diffusion-DPO (with losers)", method: .dpo),
        AblationMethod(id: "sft", title: "SFT", method: .sft),
        AblationMethod(id: "latest-sign", title: "latest reference, sign", method: .seppo, reference: .latest),
        AblationMethod(id: "latest-indicator", title: "latest reference, indicator", method: .sspo, reference: .latest),
        AblationMethod(id: "initial-sign", title: "initial reference, sign", method: .seppo, reference: .initial),
        AblationMethod(id: "initial-indicator", title: "initial reference, indicator", method: .sspo, reference: .initial),
    ]

    /// The cell of the grid.
    public static func id(_ reference: ReferenceRule, _ flip: Flip) -> String {
        all.first { method in
            guard method.hasFlip else { return false }
            let row = method.method.method
            return (method.reference ?? row.reference) == reference && (method.flip ?? row.flip) == flip
        }!.id
    }
}

/// What the sweep chooses.
public struct AblationSetting: Codable, Sendable, Equatable, Hashable {
    public var learningRate: Double
    /// nil for plain fine-tuning.
    public var beta: Double?

    public init(learningRate: Double, beta: Double?) {
        self.learningRate = learningRate
        self.beta = beta
    }
}

/// How much is trained and drawn. Changing a number changes the jobs that depend on it and no others.
public struct AblationPlan: Codable, Sendable, Equatable {
    public var model = BuiltInModel.scenes.rawValue
    public var methods = AblationMethod.all
    /// Training seeds of the reported runs, 0, 1, …; the sweep has one of its own.
    public var seeds = 3
    public var sweepSeed: UInt64 = 100
    public var learningRates = [2e-5, 1e-4, 2e-4]
    public var betas = [50.0, 5000]
    public var winners = 1000
    public var iterations = 7
    public var updates = 30
    public var batch = 16
    /// Captions of the tune split that a run of the sweep, as long as the reported ones, is judged on, spread over all relations, and the steps of their drawings.
    public var sweepCaptions = 60
    public var sweepSteps = 10
    public var evaluationSteps = 20
    /// Examples a run in the check of the flip; 0 leaves it out.
    public var flipExamples = 504

    public init() {}

    /// The grid of one method.
    public func settings(of method: AblationMethod) -> [AblationSetting] {
        learningRates.flatMap { rate in
            method.hasBeta ? betas.map { AblationSetting(learningRate: rate, beta: $0) } : [AblationSetting(learningRate: rate, beta: nil)]
        }
    }

    /// The base model on both splits, and every method at every setting on the tune split.
    public var sweepJobs: [AblationJob] {
        [AblationJob(.tune, nil, nil, seed: 0, plan: self), AblationJob(.heldOut, nil, nil, seed: 0, plan: self)]
            + methods.flatMap { method in settings(of: method).map { AblationJob(.tune, method, $0, seed: sweepSeed, plan: self) } }
    }

    /// Every method at its best setting, once a seed, on the held-out captions.
    public func finalJobs(_ best: [String: AblationSetting]) -> [AblationJob] {
        (0..<UInt64(seeds)).flatMap { seed in methods.map { AblationJob(.heldOut, $0, best[$0.id]!, seed: seed, plan: self) } }
    }
}
