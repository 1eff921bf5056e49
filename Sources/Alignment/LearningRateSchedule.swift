import Foundation

/// The learning rate by update, as diffusers' `get_scheduler` computes it.
public struct LearningRateSchedule: Sendable, Equatable {
    public enum Shape: String, Codable, Sendable, CaseIterable {
        case constant
        /// Falls to zero at the last update.
        case linear
        /// Half a cosine, to zero at the last update.
        case cosine
    }

    public let peak: Double
    public let shape: Shape
    /// Updates over which the rate rises linearly from zero.
    public let warmup: Int
    public let updates: Int

    public init(peak: Double, shape: Shape = .constant, warmup: Int = 0, updates: Int) {
        self.peak = peak
        self.shape = shape
        self.warmup = warmup
        self.updates = updates
    }

    /// The rate of update `index`, counted from 0.
    public func rate(at index: Int) -> Double {
        if index < warmup { return peak * Double(index) / Double(max(warmup, 1)) }
        let progress = Double(index - warmup) / Double(max(updates - warmup, 1))
        switch shape {
        case .constant: return peak
        case .linear: return peak * max(0, 1 - progress)
        case .cosine: return peak * max(0, 0.5 * (1 + cos(.pi * progress)))
        }
    }
}
