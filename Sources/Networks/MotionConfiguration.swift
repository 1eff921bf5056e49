import Foundation
import Torch

/// What a UNet that draws clips has beside an image model's: a transformer over frames after every layer.
public struct MotionConfiguration: Sendable, Equatable {
    /// Number of heads by level.
    public var heads: [Int]
    /// Transformer blocks of each layer on the way down, by level.
    public var depth: [[Int]]
    /// Transformer blocks of each layer on the way up, in its order: one layer more at each level.
    public var upDepth: [[Int]]
    /// Transformer blocks of the one layer in the middle; nil where the middle has none.
    public var middleDepth: Int?
    /// The most frames of a clip.
    public var maximumFrames: Int

    /// - Parameters:
    ///   - layers: of each level on the way down
    ///   - depth: transformer blocks, by level
    public init(layers: [Int], heads: [Int], depth: [Int], middleDepth: Int? = 1, maximumFrames: Int = 32) {
        self.heads = heads
        self.depth = zip(layers, depth).map { Array(repeating: $1, count: $0) }
        upDepth = zip(layers, depth).reversed().map { Array(repeating: $1, count: $0 + 1) }
        self.middleDepth = middleDepth
        self.maximumFrames = maximumFrames
    }

    /// Whether a tensor of that name belongs to a motion module.
    public static func owns(_ name: String) -> Bool { name.contains("motion_modules.") }

    /// Whether a tensor of that name is a table of positions, which is never trained.
    public static func isConstant(_ name: String) -> Bool { owns(name) && name.hasSuffix(".pos_embed.pe") }

    /// Sinusoids of the frames 0, 1, …, sines and cosines in turn: `[1, count, channels]` (Vaswani et al., arXiv 1706.03762, section 3.5).
    public static func positions(_ count: Int, _ channels: Int) -> Tensor {
        let frequencies = (Tensor.range(channels / 2) * 2 * (-log(10000) / Double(channels))).exponential
        let angles = Tensor.range(count).unsqueezed(1) * frequencies
        return Tensor.stacked([angles.sine, angles.cosine], axis: -1).reshaped([1, count, channels])
    }

    /// Throws `MotionError.frames` where a clip of so many frames is longer than the model knows, or has none.
    public func check(frames: Int) throws(MotionError) {
        guard (1...maximumFrames).contains(frames) else { throw .frames(frames, most: maximumFrames) }
    }
}

/// Why a model does not draw a clip.
public enum MotionError: Error, Equatable, CustomStringConvertible {
    case frames(Int, most: Int)
    /// The model draws pictures.
    case noMotion
    /// The depth of its modules differs within a level, which an adapter's configuration cannot say.
    case noAdapter

    public var description: String {
        switch self {
        case .frames(let count, let most): "a clip of \(count) frames: this model knows 1 to \(most)"
        case .noMotion: "this model draws pictures and no clips: it has no motion modules"
        case .noAdapter: "its motion modules differ in depth within a level: they make no motion adapter of their own"
        }
    }
}
