import Foundation
import TestSupport
import Testing
import Torch

@testable import Scoring

private let folder = ProcessInfo.processInfo.environment["SEPPO_METRICS"].map { URL(fileURLWithPath: $0) }

/// The published weights give the published numbers. `Scripts/metric-weights FOLDER` fetches them.
@Suite(.enabled(if: folder != nil, "needs published weights: Scripts/metric-weights FOLDER, then SEPPO_METRICS=FOLDER"), .serialized)
struct PublishedMetricTests {
    private func features(_ preset: FVDPreset = .commonMetrics) throws -> ClipFeatures {
        try ClipFeatures.load(try #require(folder).appendingPathComponent("i3d-kinetics-400.safetensors"), preset: preset)
    }

    private func lpips(_ trunk: String) throws -> LPIPS { try LPIPS.load(try #require(folder).appendingPathComponent("lpips-\(trunk).safetensors")) }

    private func isClose(_ a: Double, _ b: Double, _ tolerance: Double = 1e-4) -> Bool { abs(a - b) <= tolerance * abs(b) }

    /// The squared distance of the logits of a black and a white clip.
    private func distance(_ features: ClipFeatures, frames: Int, black: Double = 0) throws -> Double {
        let (dark, bright) = try (features(Tensor.full([frames, 3, 224, 224], black)), features(Tensor.ones([frames, 3, 224, 224])))
        return zip(dark, bright).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    /// Those of common_metrics_on_video_quality's page, by the weights of the TensorFlow original.
    @Test(arguments: [(10, 569.7711), (13, 146.5151), (16, 152.9016), (30, 151.39236)]) func i3dOfBlackAndWhite(_ frames: Int, _ published: Double) throws {
        let distance = try distance(features(), frames: frames)
        print("i3d, \(frames) frames: \(distance), published \(published)")
        #expect(isClose(distance, published))
    }

    @Test func wrongDetailsOfI3DShow() throws {
        #expect(try !isClose(distance(features(), frames: 16, black: 0.5), 152.9016), "[0, 1] instead of [−1, 1]")
        #expect(try !isClose(distance(features(FVDPreset.named("videogpt")), frames: 16), 152.9016), "another epsilon")
        #expect(try !isClose(distance(features(), frames: 13), 152.9016), "other frames")
    }

    private struct Pair: Sendable {
        let trunk: String
        let side: Int
        let distance: Double
    }

    private static let flat = [
        Pair(trunk: "alex", side: 64, distance: 0.8139544), Pair(trunk: "vgg", side: 64, distance: 0.4538372),
        Pair(trunk: "alex", side: 224, distance: 0.7339834), Pair(trunk: "vgg", side: 224, distance: 0.3519754),
    ]

    @Test func lpipsOfBlackAndWhite() throws {
        for pair in Self.flat {
            let (dark, bright) = (Tensor.zeros([1, 3, pair.side, pair.side]), Tensor.ones([1, 3, pair.side, pair.side]))
            let value = try lpips(pair.trunk).value(dark, reference: bright)
            print("lpips \(pair.trunk), \(pair.side): \(value), published \(pair.distance)")
            #expect(isClose(value, pair.distance, 1e-5))
            #expect(try !isClose(lpips(pair.trunk).value(dark + 0.5, reference: bright), pair.distance, 1e-2), "[0, 1] instead of [−1, 1]")
        }
    }

    @Test(arguments: [("alex", 0.1912410), ("vgg", 0.4969191)]) func lpipsOfWaves(_ trunk: String, _ published: Double) throws {
        let count = Tensor.range(3 * 64 * 64)
        func picture(_ wave: Tensor) -> Tensor { (wave / 2 + 0.5).clamped(0, 1).reshaped([1, 3, 64, 64]) }
        let (x, y) = (picture((count * 0.01).sine), picture((count * 0.013).cosine))
        let value = try lpips(trunk).value(x, reference: y)
        print("lpips \(trunk), waves: \(value), published \(published)")
        #expect(isClose(value, published, 2e-5))
        #expect(try !isClose(lpips(trunk).value(x.flipped([1]), reference: y.flipped([1])), published, 1e-3), "blue first")
    }

    @Test func aFileOfAnotherNetworkIsRefused() throws {
        let folder = try #require(folder)
        #expect(throws: MetricError.self) { try LPIPS.load(folder.appendingPathComponent("i3d-kinetics-400.safetensors")) }
        #expect(throws: MetricError.self) { try ClipFeatures.load(folder.appendingPathComponent("lpips-alex.safetensors")) }
    }

    /// A bright square that moves over a coloured ground, each clip in its own way.
    private func moving(_ index: Int) -> Tensor {
        var generator = SeededSquare(index)
        let frames = (0..<16).map { frame -> Tensor in
            let (x, y) = generator.place(frame)
            let picture = Tensor.full([3, 48, 48], 0.2 + 0.05 * Double(index))
            picture.slice(y..<y + 12, axis: 1).slice(x..<x + 12, axis: 2).copy_(Tensor.full([3, 12, 12], 0.9))
            return picture
        }
        return Tensor.stacked(frames)
    }

    private struct SeededSquare {
        let start: (Int, Int)
        let step: (Int, Int)
        init(_ index: Int) { (start, step) = ((3 * index, 20 - 2 * index), (index % 2 == 0 ? 2 : 1, index % 3 - 1)) }
        mutating func place(_ frame: Int) -> (Int, Int) { (start.0 + step.0 * frame / 2, min(max(start.1 + step.1 * frame, 0), 36)) }
    }

    /// The floor and the ceiling of a table: what is lost without motion is more than what 8-bit video loses.
    @Test func variantsOfTheReference() throws {
        let (features, lpips) = (try features(), try lpips("alex"))
        var values: [ClipVariant: [String: Double]] = [:]
        for variant in ClipVariant.allCases {
            var evaluation = ClipEvaluation(pairs: [PSNR(), SSIM(), lpips], sets: [.fvd, .kvd], features: features)
            for index in 0..<4 {
                let reference = moving(index)
                try evaluation.add(variant(reference, index: index), reference: reference, caption: "square \(index)", seed: 0)
            }
            let results = try evaluation.results()
            print("\(variant):\n  " + results.map(\.text).joined(separator: "\n  "))
            values[variant] = Dictionary(uniqueKeysWithValues: results.map { ($0.metric, $0.value) })
        }
        for metric in ["lpips", "fvd"] {
            #expect(values[.reencoded]![metric]! < values[.frozen]![metric]!, "\(metric)")
            #expect(values[.reencoded]![metric]! < values[.shuffled]![metric]!, "\(metric)")
        }
        #expect(values[.reencoded]!["psnr"]! > values[.frozen]!["psnr"]!)
    }
}
