import Torch

/// A slowly following copy of parameters, less noisy than the parameters themselves.
public final class ExponentialMovingAverage {
    private let parameters: [(name: String, value: Tensor)]
    private let averages: [Tensor]
    private let decay: Double
    /// That it has followed.
    var updates = 0

    public init(_ parameters: [(name: String, value: Tensor)], decay: Double) {
        self.parameters = parameters
        self.decay = decay
        averages = noGradients { parameters.map { $0.value.detached.clone() } }
    }

    /// The averages by the parameters' names, for saving.
    public var state: [(name: String, value: Tensor)] { zip(parameters, averages).map { ($0.name, $1) } }

    /// Takes over saved averages, whose number of updates is to be set beside. Throws when one is missing or misshaped.
    public func restore(_ saved: [String: Tensor]) throws {
        for (name, average) in state {
            guard let other = saved[name], other.shape == average.shape else {
                throw RunError.state("the saved state of this run has no average of \(name)")
            }
            average.copy_(other)
        }
    }

    /// The decay grows from small values, so that the average does not remember the initial weights.
    public func update() {
        updates += 1
        let weight = 1 - min(decay, Double(1 + updates) / Double(10 + updates))
        for (average, parameter) in zip(averages, parameters) { average.lerp_(parameter.value.detached, weight) }
    }

    /// Overwrites the parameters with their averages.
    public func apply() {
        for (average, parameter) in zip(averages, parameters) { parameter.value.copy_(average) }
    }
}
