import Foundation
import Layers
import Networks
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Scoring

@Suite struct ClipEvaluationTests {
    /// A small network of the fixtures, in the place of the published one.
    private func features(_ preset: FVDPreset = .commonMetrics) throws -> ClipFeatures {
        var configuration = I3DConfiguration()
        (configuration.stem, configuration.classes) = ([4, 4, 6], 7)
        configuration.mixed = Array(repeating: [3, 2, 4, 2, 3, 2], count: 9)
        (configuration.epsilon, configuration.pooledFrames) = (preset.epsilon, preset.pooledFrames)
        let store = ParameterStore(try Fixture.tensors("metrics/i3d.safetensors"))
        let weights = try MetricWeights(Fixture.url("metrics/i3d.safetensors"))
        return ClipFeatures(try noGradients { try store.build { I3D($0, configuration) } }, preset: preset, weights: weights)
    }

    private func clip(_ seed: UInt64, frames: Int = 10, side: Int = 24) -> Tensor {
        Generator(seed: seed).uniform([frames, 3, side, side])
    }

    private func evaluation(_ pairs: [(Tensor, Tensor)]) throws -> ClipEvaluation {
        var evaluation = ClipEvaluation(pairs: [PSNR(), SSIM()], sets: [.fvd, .kvd], features: try features())
        for (index, pair) in pairs.enumerated() { try evaluation.add(pair.0, reference: pair.1, caption: "caption \(index / 2)", seed: UInt64(index)) }
        return evaluation
    }

    @Test func everyMetricHasItsRecord() throws {
        let pairs = (0..<4).map { (clip($0), clip($0 + 10)) }
        let results = try evaluation(pairs).results()
        #expect(results.map(\.metric) == ["psnr", "ssim", "fvd", "kvd"])
        let (psnr, fvd) = (results[0], results[2])
        let alone = try pairs.map { try PSNR().value($0.0, reference: $0.1) }
        #expect(abs(psnr.value - alone.reduce(0, +) / 4) < 1e-12 && psnr.low! <= psnr.value && psnr.high! >= psnr.value)
        #expect(psnr.unit == "dB" && psnr.higherIsBetter && psnr.n == 4 && psnr.preset == "common-metrics" && psnr.fileSHA256 == nil)
        #expect(!fvd.higherIsBetter && fvd.frames == 10 && fvd.mostFrames == nil && fvd.resize == .cropped && fvd.ddof == 1 && fvd.low == nil)
        #expect(fvd.file == "i3d.safetensors" && fvd.fileSHA256?.count == 64)
        #expect(fvd.text.contains("ddof 1") && fvd.text.contains("resize cropped") && fvd.text.contains(fvd.fileSHA256!))
        #expect(results[3].deviation == 0 && results[3].subsetSize == 4)
        let keys = try JSONSerialization.jsonObject(with: JSONEncoder().encode(fvd)) as? [String: Any]
        #expect(keys?["file_sha256"] as? String == fvd.fileSHA256 && keys?["higher_is_better"] as? Bool == false)
    }

    @Test func aSetIsAtNoDistanceFromItselfInAnyOrder() throws {
        let clips = (0..<4).map { clip($0) }
        let same = try evaluation(zip(clips, clips).map { ($0, $1) }).results()
        let turned = try evaluation(zip(clips, clips.reversed()).map { ($0, $1) }).results()
        let other = try evaluation(clips.map { ($0, $0 * 0.5) }).results()
        #expect(same[0].value == 100 && abs(same[1].value - 1) < 1e-9)
        #expect(same[2].value < 1e-6 && turned[2].value < 1e-6 && other[2].value > 1e-3)
        #expect(turned[0].value < 20)
    }

    /// With a base's records, the difference is paired by caption and seed.
    @Test func recordsAreComparedWithABase() throws {
        let references = (0..<4).map { clip($0, side: 16) }
        func records(_ strength: Double) throws -> [ImageScores] {
            var evaluation = ClipEvaluation(pairs: [PSNR()])
            for (index, reference) in references.enumerated() {
                try evaluation.add((reference + strength).clamped(0, 1), reference: reference, caption: "caption \(index / 2)", seed: UInt64(index))
            }
            return evaluation.records
        }
        let comparison = try Comparison(records(0.1), base: records(0.3))
        let psnr = try #require(comparison.results[0].scores["psnr"])
        #expect(psnr.winRate == 1 && psnr.difference!.low > 0 && comparison.captions == 2)
    }

    @Test func framesOfAPreset() throws {
        let long = clip(1, frames: 37)
        for preset in FVDPreset.all {
            let features = try features(preset)
            let found = try features(long)
            #expect(features.frames(of: long) == (preset.frames ?? 37), "\(preset.name)")
            #expect(try (found == features(long[0..<features.frames(of: long)])) == true, "\(preset.name)")
            if preset.frames != nil { #expect(try found != features(long[1..<18]), "\(preset.name)") }
        }
        #expect(throws: MetricError.frames(9, fewest: 10, metric: "fvd (common-metrics)")) { try features()(clip(1, frames: 9)) }
        #expect(throws: MetricError.self) { try features(FVDPreset.named("stylegan-v"))(clip(1, frames: 15)) }
    }

    @Test func aPairThatIsRefusedLeavesNothing() throws {
        var evaluation = ClipEvaluation(pairs: [PSNR()], sets: [.fvd], features: try features())
        #expect(throws: MetricError.self) { try evaluation.add(clip(1, frames: 4), reference: clip(2, frames: 4), caption: "a", seed: 0) }
        #expect(evaluation.records.isEmpty && evaluation.clips.count == 0)
        #expect(throws: MetricError.self) { try evaluation.results() }
        try evaluation.add(clip(1), reference: clip(2), caption: "a", seed: 0)
        #expect(throws: MetricError.clips(1, fewest: 2, metric: "fvd")) { try evaluation.results() }
    }

    @Test func filesOfOtherNetworksAreRefused() throws {
        #expect(throws: MetricError.self) { try ClipFeatures.load(Fixture.url("metrics/features.safetensors")) }
        #expect(throws: MetricError.self) { try LPIPS.load(Fixture.url("metrics/i3d.safetensors")) }
        // The right names in another size: every tensor that does not fit is named.
        #expect(throws: ParameterError.self) { try ClipFeatures.load(Fixture.url("metrics/i3d.safetensors")) }
        #expect(throws: ParameterError.self) { try LPIPS.load(Fixture.url("metrics/lpips-vgg.safetensors")) }
    }
}
