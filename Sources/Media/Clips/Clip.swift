/// Pictures of one size, shown one after another.
public struct Clip: Sendable, Equatable {
    public let frames: [RGBImage]
    /// Frames a second.
    public let rate: Double
    /// When each was shown in what they were taken from, in seconds; empty where they were taken from nothing.
    public let times: [Double]
    /// Whether what they were taken from was too short for the rule that chose them.
    public let isShort: Bool

    public var width: Int { frames[0].width }
    public var height: Int { frames[0].height }

    /// - Precondition: there is a frame, all are of one size, and the rate is positive.
    public init(_ frames: [RGBImage], rate: Double, times: [Double] = [], isShort: Bool = false) {
        precondition(!frames.isEmpty && rate > 0, "a clip of \(frames.count) frames at \(rate) a second")
        precondition(frames.allSatisfy { $0.width == frames[0].width && $0.height == frames[0].height }, "frames of one clip must be of one size")
        (self.frames, self.rate, self.times, self.isShort) = (frames, rate, times, isShort)
    }

    /// Mirrored left to right, every frame alike. A caption that says left or right is then wrong.
    public func flippedHorizontally() -> Clip { Clip(frames.map { $0.flippedHorizontally() }, rate: rate, times: times, isShort: isShort) }
}
