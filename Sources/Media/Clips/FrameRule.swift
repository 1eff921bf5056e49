import Storage

/// Which frames of a clip a model sees.
public struct FrameRule: Sendable, Equatable, Hashable, Codable {
    public enum Spacing: String, Sendable, Codable, CaseIterable {
        /// Every ``stride``-th frame of a part of the clip, as AnimateDiff takes them.
        case stride
        /// Frames spread over the whole clip, from the first to the last, as MagicTime takes them of time-lapse clips.
        case uniform
        /// The frames seen at ``fps`` moments a second.
        case fps
        /// The first frames, one after another.
        case first
    }

    /// Where the part begins, where the clip is longer than that.
    public enum Start: String, Sendable, Codable, CaseIterable { case random, first, middle }

    /// What becomes of a clip that is too short.
    public enum ShortClips: String, Sendable, Codable, CaseIterable {
        /// It stops the work.
        case error
        /// What there is is spread over the frames, at a smaller stride or with repetitions, as AnimateDiff does.
        case shrink
        /// Frame i is frame i modulo the clip's length, in the clip's order, as MagicTime does.
        case loop
        /// It is left out.
        case skip
    }

    /// How many.
    public var frames: Int
    public var spacing: Spacing
    public var stride: Int
    public var fps: Double
    public var start: Start
    public var shortClips: ShortClips

    public init(
        frames: Int = 16, spacing: Spacing = .stride, stride: Int = 4, fps: Double = 8, start: Start = .random, shortClips: ShortClips = .shrink
    ) {
        precondition(frames > 0 && stride > 0 && fps > 0, "\(frames) frames, stride \(stride), \(fps) frames a second")
        (self.frames, self.spacing, self.stride, self.fps, self.start, self.shortClips) = (frames, spacing, stride, fps, start, shortClips)
    }

    /// The same but for the spacing.
    public func spaced(_ spacing: Spacing) -> FrameRule {
        var rule = self
        rule.spacing = spacing
        return rule
    }

    /// How many frames of a clip it needs to know of; nil: all, since the choice depends on its length.
    public var framesLookedAt: Int? {
        switch spacing {
        case .first: frames
        case .stride: start == .first ? span(stride) : nil
        case .uniform, .fps: nil
        }
    }

    private func span(_ stride: Int) -> Int { (frames - 1) * stride + 1 }

    // MARK: The choice

    /// - Parameter generator: of the example; drawn from where the start is random and there is a choice
    /// - Throws: ``ClipError/Reason/tooShort(frames:needed:)`` where such clips are errors or left out
    public func choice(of times: ClipTimes, using generator: inout SeededGenerator) throws(ClipError.Reason) -> FrameChoice {
        guard times.count > 0 else { throw .noFrames }
        switch spacing {
        case .stride: return try part(of: times.count, stride: stride, start, &generator)
        case .first: return try part(of: times.count, stride: 1, .first, &generator)
        case .uniform: return try whole(times.count)
        case .fps:
            let seen = times.resampled(to: fps)
            let choice = try part(of: seen.count, stride: 1, start, &generator)
            return FrameChoice(indices: choice.indices.map { seen[$0] }, isShort: choice.isShort)
        }
    }

    /// AnimateDiff's (`dataset.py`): `clip_length = min(length, (n - 1) * stride + 1)`, a start, `linspace(start, start + clip_length - 1, n, dtype=int)`.
    private func part(of count: Int, stride: Int, _ start: Start, _ generator: inout SeededGenerator) throws(ClipError.Reason) -> FrameChoice {
        let span = span(stride)
        if count < span, let looped = try short(count, needed: span) { return looped }
        let length = min(count, span)
        let first =
            switch start {
            case .first: 0
            case .middle: (count - length) / 2
            case .random: count > length ? generator.integer(below: count - length + 1) : 0
            }
        return FrameChoice(indices: Self.linspace(first, first + length - 1, frames), isShort: count < span)
    }

    /// MagicTime's (`utils/dataset.py`): `round(i * (length - 1) / (n - 1))`, half to even.
    private func whole(_ count: Int) throws(ClipError.Reason) -> FrameChoice {
        if count < frames, let looped = try short(count, needed: frames) { return looped }
        let indices = (0..<frames).map { frames == 1 ? 0 : Int((Double($0 * (count - 1)) / Double(frames - 1)).rounded(.toNearestOrEven)) }
        return FrameChoice(indices: indices, isShort: count < frames)
    }

    /// Nil where what there is is spread.
    private func short(_ count: Int, needed: Int) throws(ClipError.Reason) -> FrameChoice? {
        switch shortClips {
        case .error, .skip: throw .tooShort(frames: count, needed: needed)
        case .loop: FrameChoice(indices: (0..<frames).map { $0 % count }.sorted(), isShort: true)
        case .shrink: nil
        }
    }

    /// `numpy.linspace(start, stop, count, dtype=int)`, which rounds down, to the bit.
    static func linspace(_ start: Int, _ stop: Int, _ count: Int) -> [Int] {
        guard count > 1 else { return [start] }
        let step = Double(stop - start) / Double(count - 1)
        return (0..<count).map { index in
            index == count - 1 ? stop : Int((Double(index) * step + Double(start)).rounded(.down))
        }
    }
}

/// Frames of a clip, from 0, ascending; one may come several times.
public struct FrameChoice: Sendable, Equatable {
    public let indices: [Int]
    /// Whether the clip was too short for the rule.
    public let isShort: Bool

    public init(indices: [Int], isShort: Bool = false) {
        self.indices = indices
        self.isShort = isShort
    }
}
