import Foundation
import Storage
import TestFiles
import Testing

@testable import Media

/// Which frames are chosen, against the expressions of AnimateDiff's and MagicTime's data sets run by NumPy.
@Suite struct FrameRuleTests {
    struct Case: Decodable {
        let rule: String
        let length: Int
        let frames: Int
        let stride: Int
        let start: Int
        let indices: [Int]
    }

    static let cases: [Case] = try! Fixture.json("clips/rules.json")

    private func times(_ count: Int, rate: Double = 8) -> ClipTimes { ClipTimes(frames: count, rate: rate, width: 2, height: 2) }

    private func choice(_ rule: FrameRule, _ times: ClipTimes, seed: UInt64 = 0) throws -> FrameChoice {
        var generator = SeededGenerator(seed: seed)
        return try rule.choice(of: times, using: &generator)
    }

    @Test func indicesAreUpstreams() throws {
        var checked: [String: Int] = [:]
        for item in Self.cases {
            var rule = FrameRule(frames: item.frames, stride: item.stride, start: .first)
            switch item.rule {
            case "stride":
                let length = min(item.length, (item.frames - 1) * item.stride + 1)
                #expect(FrameRule.linspace(item.start, item.start + length - 1, item.frames) == item.indices, "\(item)")
                if item.start == (item.length - length) / 2 { rule.start = .middle } else if item.start != 0 { continue }
            case "uniform": rule.spacing = .uniform
            default:
                rule.shortClips = .loop
                rule.stride = 1
                guard item.length < item.frames else { continue }
            }
            let found = try choice(rule, times(item.length))
            #expect(found.indices == item.indices, "\(item)")
            checked[item.rule, default: 0] += 1
        }
        #expect(checked.count == 3 && checked.values.allSatisfy { $0 > 5 }, "\(checked)")
    }

    /// The twin: rounding to the nearest, as one might, is not upstream's rounding down, nor the other way round.
    @Test func anotherRoundingIsSeen() {
        let nearest = (0..<16).map { Int((Double($0) * 6 / 15).rounded()) }
        #expect(FrameRule.linspace(0, 6, 16) != nearest)
    }

    @Test func aRandomStartStaysWithinAndFollowsTheSeed() throws {
        let rule = FrameRule(frames: 4, stride: 3)
        let found = try (0..<200).map { try choice(rule, times(20), seed: UInt64($0)).indices }
        #expect(found.allSatisfy { $0.last! - $0[0] == 9 && $0[0] >= 0 && $0.last! < 20 })
        #expect(Set(found.map { $0[0] }) == Set(0...10))
        #expect(try choice(rule, times(20), seed: 7) == choice(rule, times(20), seed: 7))
    }

    @Test func shortClipsFollowTheirPolicy() throws {
        var rule = FrameRule(frames: 8, stride: 4, start: .first)
        #expect(try choice(rule, times(29)) == FrameChoice(indices: Array(stride(from: 0, to: 29, by: 4))))
        #expect(try choice(rule, times(5)) == FrameChoice(indices: [0, 0, 1, 1, 2, 2, 3, 4], isShort: true))
        rule.shortClips = .loop
        #expect(try choice(rule, times(5)) == FrameChoice(indices: [0, 0, 1, 1, 2, 2, 3, 4], isShort: true))
        #expect(try choice(rule, times(3)) == FrameChoice(indices: [0, 0, 0, 1, 1, 1, 2, 2], isShort: true))
        for policy in [FrameRule.ShortClips.error, .skip] {
            rule.shortClips = policy
            #expect(throws: ClipError.Reason.tooShort(frames: 28, needed: 29)) { try choice(rule, times(28)) }
            #expect(try choice(rule, times(29)).isShort == false)
        }
        #expect(throws: ClipError.Reason.tooShort(frames: 7, needed: 8)) { try choice(rule.spaced(.uniform), times(7)) }
        #expect(throws: ClipError.Reason.tooShort(frames: 7, needed: 8)) { try choice(rule.spaced(.first), times(7)) }
    }

    @Test func framesASecondFollowTheTimes() throws {
        let rule = FrameRule(frames: 4, spacing: .fps, fps: 8, start: .first)
        // 24 frames a second: every third.
        #expect(try choice(rule, times(24, rate: 24)).indices == [0, 3, 6, 9])
        // 4 frames a second: every one twice.
        #expect(try choice(rule, times(8, rate: 4)).indices == [0, 0, 1, 1])
        // Milliseconds, as Matroska rounds them: frames at 33 and 67 ms, seen at 1/30 and 2/30 s.
        let rounded = ClipTimes(ticks: [0, 33, 67, 100, 133], end: 167, tick: 0.001, width: 2, height: 2)
        #expect(rounded.resampled(to: 30) == [0, 1, 2, 3, 4])
        // A frame that is shown long is seen at every moment of it.
        let variable = ClipTimes(ticks: [0, 1, 9, 10], end: 12, tick: 0.1, width: 2, height: 2)
        #expect(variable.resampled(to: 5) == [0, 1, 1, 1, 1, 3])
        #expect(variable.resampled(to: 0.1) == [0])
        let short = FrameRule(frames: 8, spacing: .fps, fps: 5, start: .first, shortClips: .error)
        #expect(throws: ClipError.Reason.tooShort(frames: 6, needed: 8)) { try choice(short, variable) }
    }

    @Test func aVariableRateIsReadFromTheFile() throws {
        let decoder = ClipDecodingTests.decoder("variable.mkv")
        let times = try decoder.times()
        var generator = SeededGenerator(seed: 0)
        let rule = FrameRule(frames: 6, spacing: .fps, fps: 5, start: .first)
        #expect(try rule.choice(of: times, using: &generator).indices == [0, 2, 4, 5, 5, 6])
        let clip = try decoder.clip(rule, using: &generator)
        #expect(clip.frames == [0, 2, 4, 5, 5, 6].map { try! decoder.clip().frames[$0] })
    }

    @Test func aRuleOfFirstFramesLooksNoFurther() throws {
        #expect(FrameRule(frames: 5, spacing: .first).framesLookedAt == 5)
        #expect(FrameRule(frames: 5, stride: 4, start: .first).framesLookedAt == 17)
        #expect(FrameRule(frames: 5, stride: 4).framesLookedAt == nil)
        var generator = SeededGenerator(seed: 0)
        let clip = try ClipDecodingTests.decoder("plain.mp4").clip(FrameRule(frames: 5, spacing: .first), using: &generator)
        #expect(clip.frames == Array(try ClipDecodingTests.decoder("plain.mp4").clip().frames.prefix(5)))
    }
}
