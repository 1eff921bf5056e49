import Foundation
import Storage

/// Reads a clip in two passes: one counts its frames, the other keeps those that are wanted. Both decode from the start, one frame after another.
public struct ClipDecoder: Sendable {
    public let source: ClipSource
    /// What errors call it.
    public let name: String
    private let ground: RGBImage.Ground
    private let limits: ClipLimits

    private static let memory = MemoryAllowance(RGBImage.memoryLimit)

    public init(_ source: ClipSource, name: String, ground: RGBImage.Ground = .white, limits: ClipLimits = .standard) {
        (self.source, self.name, self.ground, self.limits) = (source, name, ground, limits)
    }

    // MARK: Counting

    /// - Parameter most: frames after which it need not go on; nil: all
    public func times(upTo most: Int? = nil) throws(ClipError) -> ClipTimes {
        try naming { () throws(ClipError.Reason) in
            if case .frames(let paths, let rate) = source { return try timesOfPictures(paths, rate, most) }
            return try timesOfFile(most)
        }
    }

    private func timesOfPictures(_ paths: [String], _ rate: Double, _ most: Int?) throws(ClipError.Reason) -> ClipTimes {
        guard let first = paths.first else { throw .noFrames }
        guard paths.count <= limits.frames else { throw .tooLong(frames: limits.frames) }
        let picture = try picture(first)
        return ClipTimes(frames: most.map { min($0, paths.count) } ?? paths.count, rate: rate, width: picture.width, height: picture.height)
    }

    private func timesOfFile(_ most: Int?) throws(ClipError.Reason) -> ClipTimes {
        let reader = try ClipReader(source, limits)
        let tick = Double(reader.stream.tick_numerator) / Double(reader.stream.tick_denominator)
        let usual = reader.stream.rate_numerator > 0 ? Double(reader.stream.rate_numerator) / Double(reader.stream.rate_denominator) : ClipSource.usualRate
        // Of a frame whose time the clip does not tell.
        let step = Int64(max(1, min(1 / usual / tick, 1e12)).rounded())
        var (ticks, size): ([Int64], [Int]?) = ([], nil)
        var (start, last, duration): (Int64, Int64, Int64) = (0, 0, 0)
        var (longest, pixels): (Int64, Int) = (0, 0)
        try walk(reader) { frame throws(ClipError.Reason) in
            try check(frame, &size, ticks.count)
            pixels += frame.width * frame.height
            guard ticks.count < limits.frames, pixels <= limits.allPixels else { throw .tooLong(frames: ticks.count) }
            if ticks.isEmpty { start = Self.bounded(frame.time ?? 0) }
            // Frames that come in the wrong order, or with no time, still come one after another.
            let time = frame.time.map { Self.bounded($0) - start } ?? (ticks.isEmpty ? 0 : last + step)
            longest = max(longest, time - last)
            last = max(last, time)
            duration = frame.duration
            ticks.append(last)
            return ticks.count != most
        }
        guard let size, !ticks.isEmpty else { throw .noFrames }
        let average = ticks.count > 1 && last > 0 ? max(1, last / Int64(ticks.count - 1)) : step
        let claimed = most == nil && reader.stream.claimed_frames > 0 ? Int(reader.stream.claimed_frames) : nil
        let end = last + (duration > 0 ? Self.bounded(duration) : average)
        let lost = reader.stream.claimed_seconds - Double(start + end) * tick
        // The last frame may be shown for longer than any other, and sound may go on beyond it.
        let isCut = most == nil && lost > max(0.9 * Double(longest > 0 ? longest : step) * tick, reader.stream.other_streams > 0 ? 1 : 0)
        return ClipTimes(
            ticks: ticks, end: end, tick: tick, claimed: claimed, claimedSeconds: isCut ? reader.stream.claimed_seconds : nil, damaged: reader.damaged,
            width: size[0], height: size[1])
    }

    /// Times of a thousand years at a nanosecond a tick are enough, and leave room to add.
    private static func bounded(_ time: Int64) -> Int64 { min(max(time, -1 << 58), 1 << 58) }

    /// Hands on frame by frame until `body` says that it is enough. Damage after the first frame ends the clip there.
    private func walk(_ reader: ClipReader, _ body: (ClipReader.Frame) throws(ClipError.Reason) -> Bool) throws(ClipError.Reason) {
        while let frame = try reader.next() {
            guard try body(frame) else { return }
        }
    }

    private func check(_ frame: ClipReader.Frame, _ size: inout [Int]?, _ index: Int) throws(ClipError.Reason) {
        let own = [frame.width, frame.height]
        if let size, size != own { throw .sizes(first: size, other: own, frame: index) }
        size = own
    }

    // MARK: Picking

    /// The frames that a rule chooses, in one crop.
    /// - Parameters:
    ///   - generator: of the example, for a random start
    ///   - size: that is cut out of each as ``RGBImage/fitted(width:height:_:)`` does; nil leaves them whole
    public func clip(_ rule: FrameRule, using generator: inout SeededGenerator, fittedTo size: (width: Int, height: Int)? = nil) throws(ClipError) -> Clip {
        let times = try times(upTo: rule.framesLookedAt)
        return try clip(rule, times, using: &generator, fittedTo: size)
    }

    /// The same where the times are known.
    public func clip(
        _ rule: FrameRule, _ times: ClipTimes, using generator: inout SeededGenerator, fittedTo size: (width: Int, height: Int)? = nil
    ) throws(ClipError) -> Clip {
        let choice: FrameChoice
        do { choice = try rule.choice(of: times, using: &generator) } catch { throw ClipError(file: name, reason: error) }
        return try clip(choice, times, fittedTo: size)
    }

    /// Every frame.
    public func clip(fittedTo size: (width: Int, height: Int)? = nil) throws(ClipError) -> Clip {
        let times = try times()
        return try clip(FrameChoice(indices: Array(0..<times.count)), times, fittedTo: size)
    }

    /// Of each frame chosen the picture; one that is chosen several times is decoded once.
    public func clip(_ choice: FrameChoice, _ times: ClipTimes, fittedTo size: (width: Int, height: Int)? = nil) throws(ClipError) -> Clip {
        try naming { () throws(ClipError.Reason) in
            let wanted = Set(choice.indices)
            guard let last = wanted.max() else { throw .noFrames }
            let needed = bytes(wanted.count, of: times, size)
            guard needed <= limits.memory else { throw .needsMemory(needed, limit: limits.memory) }
            let found = try Self.memory.using(min(needed, RGBImage.memoryLimit)) { () throws(ClipError.Reason) in
                if case .frames(let paths, _) = source { return try pictures(paths, wanted, size) }
                return try frames(wanted, last, size)
            }
            let seconds = choice.indices.map { $0 < times.count ? times.time(of: $0) : 0 }
            return Clip(choice.indices.map { found[$0]! }, rate: Self.rate(seconds) ?? times.rate, times: seconds, isShort: choice.isShort)
        }
    }

    /// At which frames of these times are shown, on average.
    private static func rate(_ seconds: [Double]) -> Double? {
        guard let first = seconds.first, let last = seconds.last, last > first else { return nil }
        return Double(seconds.count - 1) / (last - first)
    }

    /// What the frames take at the most, and decoding beside them: references of a codec, two copies of a frame in colour.
    private func bytes(_ frames: Int, of times: ClipTimes, _ size: (width: Int, height: Int)?) -> Int {
        let whole = times.width * times.height
        let kept = 3 * (size.map { $0.width * $0.height } ?? whole) * frames
        return kept + min(limits.memory / 4, 32 * whole) + 8 * whole
    }

    private func frames(_ wanted: Set<Int>, _ last: Int, _ size: (width: Int, height: Int)?) throws(ClipError.Reason) -> [Int: RGBImage] {
        let reader = try ClipReader(source, limits)
        var (found, index, sides): ([Int: RGBImage], Int, [Int]?) = ([:], 0, nil)
        try walk(reader) { frame throws(ClipError.Reason) in
            try check(frame, &sides, index)
            if wanted.contains(index) { found[index] = fitted(try reader.image(over: ground), size) }
            index += 1
            return index <= last
        }
        if let missing = wanted.filter({ found[$0] == nil }).min() { throw .missingFrame(missing, frames: index) }
        return found
    }

    private func pictures(_ paths: [String], _ wanted: Set<Int>, _ size: (width: Int, height: Int)?) throws(ClipError.Reason) -> [Int: RGBImage] {
        var (found, first): ([Int: RGBImage], [Int]?) = ([:], nil)
        for index in wanted.sorted() {
            guard paths.indices.contains(index) else { throw .missingFrame(index, frames: paths.count) }
            let image = try picture(paths[index])
            let own = [image.width, image.height]
            if let first, first != own { throw .sizes(first: first, other: own, frame: index) }
            first = own
            found[index] = fitted(image, size)
        }
        return found
    }

    private func picture(_ path: String) throws(ClipError.Reason) -> RGBImage {
        do { return try RGBImage(contentsOf: URL(fileURLWithPath: path), ground: ground) } catch { throw .picture(error) }
    }

    private func fitted(_ image: RGBImage, _ size: (width: Int, height: Int)?) -> RGBImage {
        size.map { image.fitted(width: $0.width, height: $0.height) } ?? image
    }

    private func naming<Result>(_ body: () throws(ClipError.Reason) -> Result) throws(ClipError) -> Result {
        do { return try body() } catch { throw ClipError(file: name, reason: error) }
    }
}
