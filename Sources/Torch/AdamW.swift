/// Decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101) by libtorch's fused kernel: the numbers of
/// `torch.optim.AdamW(fused=True)`.
public final class AdamW {
    public struct Settings: Codable, Sendable, Equatable {
        public var beta1 = 0.9
        public var beta2 = 0.999
        public var epsilon = 1e-8
        public var weightDecay = 1e-2

        public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 1e-2) {
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.weightDecay = weightDecay
        }
    }

    public let settings: Settings
    private let parameters: [(name: String, value: Tensor)]
    private let firstMoments: [Tensor]
    private let secondMoments: [Tensor]
    private let steps: [Tensor]

    /// `parameters` are updated in place; their names are the names of the optimiser's saved state.
    public init(_ parameters: [(name: String, value: Tensor)], settings: Settings = Settings()) {
        self.settings = settings
        self.parameters = parameters
        firstMoments = parameters.map { noGradients($0.value.zerosLike) }
        secondMoments = parameters.map { noGradients($0.value.zerosLike) }
        // Beside the parameters: the fused kernel of a GPU reads them there.
        steps = parameters.map { Tensor.zeros([], on: Placement($0.value.device)) }
    }

    /// Euclidean norm of all gradients together.
    public func gradientNorm() -> Double {
        let norms = Self.norms.all(.tensors(gradients), .int(2))
        return Tensor.stacked(norms).norm().item
    }

    /// Scales all gradients by `min(1, maximum / (norm + 1e-6))`, as `torch.nn.utils.clip_grad_norm_` does.
    /// - Parameter scale: by which they are too large before, beside `norm`
    public func clipGradients(norm: Double, to maximum: Double, scale: Double = 1) {
        let factor = Swift.min(1, maximum / (norm + 1e-6)) / scale
        if factor != 1 { _ = Self.scale.all(.tensors(gradients), .double(factor)) }
    }

    /// One update from the accumulated gradients, which are cleared.
    public func step(learningRate: Double) {
        noGradients {
            _ = Self.advance.all(.tensors(steps), .double(1))
            _ = Self.update.all(
                .tensors(parameters.map(\.value)), .tensors(gradients), .tensors(firstMoments), .tensors(secondMoments), .tensors([]),
                .tensors(steps), .double(learningRate), .double(settings.beta1), .double(settings.beta2), .double(settings.weightDecay),
                .double(settings.epsilon), .bool(false), .bool(false))
        }
        clearGradients()
    }

    public func clearGradients() {
        for parameter in parameters { parameter.value.clearGradient() }
    }

    /// Steps that were taken, in this process and before.
    public var stepCount: Int { steps.first.map { Int($0.item) } ?? 0 }

    /// The moments and step counts, named after the parameters, for saving.
    public var state: [(name: String, value: Tensor)] {
        parameters.indices.flatMap { i in
            [
                ("first_moment.\(parameters[i].name)", firstMoments[i]), ("second_moment.\(parameters[i].name)", secondMoments[i]),
                ("step.\(parameters[i].name)", steps[i]),
            ]
        }
    }

    /// Takes over a saved state. Throws when a tensor is missing or misshaped.
    public func restore(_ saved: [String: Tensor]) throws {
        for (name, value) in state {
            guard let other = saved[name] else { throw TorchError(operation: "optimiser state", message: "\(name) is missing") }
            guard other.shape == value.shape else {
                throw TorchError(operation: "optimiser state", message: "\(name) has shape \(other.shape), not \(value.shape)")
            }
            value.copy_(other)
        }
    }

    /// A parameter that the loss did not reach counts as having a gradient of zero.
    private var gradients: [Tensor] { parameters.map { $0.value.gradient ?? $0.value.detached.zerosLike() } }

    private static let update = Operator("_fused_adamw_")
    private static let advance = Operator("_foreach_add_", "Scalar")
    private static let norms = Operator("_foreach_norm", "Scalar")
    private static let scale = Operator("_foreach_mul_", "Scalar")
}
