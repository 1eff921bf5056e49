import Foundation

/// When each frame of a clip is shown, as counted by decoding: what containers claim is often more than what they hold.
public struct ClipTimes: Sendable, Equatable, Codable {
    /// Of each frame, from the first one's 0 on, never descending.
    public let ticks: [Int64]
    /// When the last frame ends.
    public let end: Int64
    /// In seconds.
    public let tick: Double
    /// How many frames the container claims; nil where it does not say.
    public let claimed: Int?
    /// How many seconds a container that counts no frames claims, where its frames end clearly before that: a part of it cannot be read, or is not there.
    public let claimedSeconds: Double?
    /// Packets and frames that could not be decoded, which are left out.
    public let damaged: Int
    /// Of the frames, upright.
    public let width: Int
    public let height: Int

    init(
        ticks: [Int64], end: Int64, tick: Double, claimed: Int? = nil, claimedSeconds: Double? = nil, damaged: Int = 0, width: Int, height: Int
    ) {
        (self.ticks, self.end, self.tick, self.claimed, self.damaged) = (ticks, end, tick, claimed, damaged)
        (self.claimedSeconds, self.width, self.height) = (claimedSeconds, width, height)
    }

    /// Those of frames that are shown for equally long.
    public init(frames: Int, rate: Double, width: Int, height: Int) {
        self.init(ticks: (0..<Int64(frames)).map { $0 }, end: Int64(frames), tick: 1 / rate, width: width, height: height)
    }

    public var count: Int { ticks.count }
    /// In seconds.
    public var duration: Double { min(Double(end) * tick, 1e12) }
    /// Frames a second, on average.
    public var rate: Double { duration > 0 ? Double(count) / duration : ClipSource.usualRate }
    /// In seconds.
    public func time(of frame: Int) -> Double { Double(ticks[frame]) * tick }

    /// What a reader should know of it; nil where all of it was decoded.
    public var note: String? {
        if damaged > 0 { return "damaged parts, left out: \(damaged); \(count) frames are read" }
        if let claimed, claimed > count { return "it claims \(claimed) frames and holds \(count)" }
        return claimedSeconds.map { String(format: "it claims %.2f seconds and its frames end after %.2f; \(count) frames are read", $0, duration) }
    }

    /// The frames that are seen at so many moments a second: at each the last whose time has come. Containers that round times (Matroska's to
    /// milliseconds) may put a frame half
    /// a millisecond late.
    /// - Returns: one frame at least, ascending, with repetitions where the clip has fewer
    public func resampled(to rate: Double) -> [Int] {
        let moments = max(1, Int(min((duration * rate + 1e-6).rounded(.down), Double(ClipLimits.standard.frames))))
        let late = min(tick / 2, 0.0005) + 1e-9
        var frame = 0
        return (0..<moments).map { moment in
            let time = Double(moment) / rate + late
            while frame + 1 < count, self.time(of: frame + 1) <= time { frame += 1 }
            return frame
        }
    }
}

/// What a clip may ask for before it is refused: a file of a few kilobytes can claim years of large frames.
public struct ClipLimits: Sendable, Equatable {
    /// Of one frame: 8K has 33 million.
    public var pixels = 40_000_000
    /// Four hours and a half at 30 frames a second.
    public var frames = 500_000
    /// Of all frames together: an hour and a half of 4K at 30 frames a second.
    public var allPixels = 1_400_000_000_000
    /// Bytes of the frames that are kept of a clip, and of what decoding takes beside them.
    public var memory = RGBImage.memoryLimit

    public init() {}

    public static let standard = ClipLimits()
}
