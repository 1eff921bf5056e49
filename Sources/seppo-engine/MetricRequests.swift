import ArgumentParser
import Commands
import Foundation
import Scoring
import Torch

/// Metrics of clips that a command line asks for, as `name` or `name=file`.
struct MetricRequests {
    struct Request {
        let name: String
        let file: URL?
    }

    let all: [Request]

    private static let withoutFile = ["psnr", "ssim"]
    private static let withFile = ["lpips", "fvd", "kvd"]

    /// - Parameter always: metrics that need not be asked for
    /// - Throws: `ValidationError`
    init(_ texts: [String], always: [String] = []) throws {
        var names: Set<String> = []
        let asked = try texts.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let request = try Request(name: parts[0], file: parts.count > 1 ? Place.url(parts[1]) : nil)
            guard (Self.withoutFile + Self.withFile).contains(request.name) else {
                throw ValidationError("--metric \(text): there are \((Self.withoutFile + Self.withFile).joined(separator: ", "))")
            }
            guard names.insert(request.name).inserted else { throw ValidationError("--metric \(request.name) is given twice") }
            guard Self.withoutFile.contains(request.name) == (request.file == nil) else {
                throw ValidationError(
                    request.file == nil
                        ? "--metric \(request.name) needs a file of weights, --metric \(request.name)=FILE: see Scripts/metric-weights"
                        : "--metric \(request.name) has no file")
            }
            return request
        }
        all = asked + always.filter { !names.contains($0) }.map { Request(name: $0, file: nil) }
        guard Set(all.filter { $0.name != "lpips" }.compactMap(\.file)).count <= 1 else {
            throw ValidationError("--metric fvd and --metric kvd look at one network: give both the same file")
        }
    }

    var names: [String] { all.map(\.name) }
    /// Names of distances between sets.
    var setMetrics: [ClipEvaluation.SetMetric] { all.compactMap { ClipEvaluation.SetMetric(rawValue: $0.name) } }

    /// Reads the networks. What comes back has measured nothing yet: copies of it share them.
    /// - Parameter seed: of KVD's subsets
    func evaluation(preset: FVDPreset, seed: UInt64 = 0, on device: Device) throws -> ClipEvaluation {
        let pairs = try all.compactMap { request -> (any ClipPairMetric)? in
            switch request.name {
            case "psnr": PSNR()
            case "ssim": SSIM()
            case "lpips": try LPIPS.load(request.file!, on: device)
            default: nil
            }
        }
        let file = all.first { $0.name == "fvd" || $0.name == "kvd" }?.file
        let features = try file.map { try ClipFeatures.load($0, preset: preset, on: device) }
        var evaluation = ClipEvaluation(pairs: pairs, sets: setMetrics, features: features)
        evaluation.kernel.seed = seed
        return evaluation
    }

    /// - Throws: `ValidationError` for an unknown name
    static func preset(_ name: String) throws -> FVDPreset {
        do { return try FVDPreset.named(name) } catch { throw ValidationError("--preset: \(error)") }
    }
}
