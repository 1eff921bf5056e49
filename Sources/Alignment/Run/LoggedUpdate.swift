import Foundation
import Networks

/// One line of `log.jsonl`. Everything but the number of the update may be missing: other methods and other versions log other things.
public struct LoggedUpdate: Codable, Equatable, Sendable {
    public var update: Int
    /// The iteration this update belongs to, from 1.
    public var k: Int?
    /// Which checkpoint was the reference; nothing for a method without one.
    public var reference: Int?
    public var examples: Int?
    public var loss: Double?
    /// Mean errors of policy (m) and reference (r) on winner (w) and reference sample (r).
    public var winnerError: Double?
    public var sampleError: Double?
    public var referenceWinnerError: Double?
    public var referenceSampleError: Double?
    /// m_w over checkpoint 0's error at the same winners, timesteps and noise, of the latest winners that both were measured on.
    public var winnerErrorRatio: Double?
    /// Mean of −(β/2)(Δ_w − sΔ_r) over the batch.
    public var margin: Double?
    /// Its quantiles 0.05, 0.25, 0.5, 0.75 and 0.95.
    public var marginQuantiles: [Double]?
    /// Shares of the batch with r_w above, at and below m_w.
    public var flipPositive: Double?
    public var flipZero: Double?
    public var flipNegative: Double?
    /// The share of r_w > m_w by age of the reference, `[0]` being age k − ref = 1; null where no example had that age.
    public var flipByAge: [Double?]?
    /// The share of r_w > m_w by quarter of the timesteps, `[0]` being the least noisy; null where no example fell into it.
    public var flipByTimestep: [Double?]?
    public var accuracy: Double?
    public var gradientNorm: Double?
    public var learningRate: Double?
    public var sampleSeconds: Double?
    public var updateSeconds: Double?
    public var examplesPerSecond: Double?
    public var peakMegabytes: Double?
    /// Of a device's memory, by libtorch's account; nothing on the processor.
    public var peakDeviceMegabytes: Double?
    /// Whether this update was left out because of a non-finite loss or gradient: 1 or true, else 0 or false.
    public var skipped: Skips?
    public var alarms: [String]?
    /// The iteration from whose checkpoint the run went on before this update, with a fresh optimiser; nothing elsewhere.
    public var fromCheckpoint: Int?

    public init(update: Int) { self.update = update }

    private enum CodingKeys: String, CodingKey {
        case update, k, reference, examples, loss, margin, accuracy, skipped, alarms
        case winnerError = "m_w"
        case sampleError = "m_r"
        case referenceWinnerError = "r_w"
        case referenceSampleError = "r_r"
        case winnerErrorRatio = "m_w_ratio"
        case marginQuantiles = "margin_quantiles"
        case flipPositive = "flip_positive"
        case flipZero = "flip_zero"
        case flipNegative = "flip_negative"
        case flipByAge = "flip_by_age"
        case flipByTimestep = "flip_by_timestep"
        case fromCheckpoint = "from_checkpoint"
        case gradientNorm = "gradient_norm"
        case learningRate = "learning_rate"
        case sampleSeconds = "sample_s"
        case updateSeconds = "update_s"
        case examplesPerSecond = "examples_per_s"
        case peakMegabytes = "peak_mb"
        case peakDeviceMegabytes = "peak_device_mb"
    }

    /// A number of skips that may also be written as true or false.
    public struct Skips: Codable, Equatable, Sendable, ExpressibleByIntegerLiteral {
        public var count: Int

        public init(integerLiteral value: Int) { count = value }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            count = try (try? container.decode(Bool.self)).map { $0 ? 1 : 0 } ?? container.decode(Int.self)
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(count)
        }
    }
}
