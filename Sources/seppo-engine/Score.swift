import ArgumentParser
import Commands
import Foundation
import Scoring
import Storage
import Torch

struct Score: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure clips against reference clips.",
        discussion: """
            Clips are folders of frames, as `seppo generate` writes them, in one folder; references likewise. They are paired by name or, where names \
            differ and there are as many, by order. Metrics: psnr, ssim, lpips=FILE, fvd=FILE, kvd=FILE, with files that Scripts/metric-weights writes. \
            Intervals are 95 %, by bootstrap over captions. PSNR, SSIM and LPIPS reward clips that stand still: --floor shows by how much.

              seppo score --media clips --reference references --metric psnr --metric ssim --metric fvd=i3d-kinetics-400.safetensors
            """)

    @Option(help: "A folder of clips, each a folder of frames.", transform: Place.url) var media: URL
    @Option(help: "The clips to compare with, in the same form.", transform: Place.url) var reference: URL
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("psnr, ssim, lpips=FILE, fvd=FILE or kvd=FILE; several may be given.", valueName: "name[=file]")) var metric: [String]
    @Option(help: "How FVD and KVD are computed: \(FVDPreset.all.map(\.name).joined(separator: ", ")).") var preset = FVDPreset.commonMetrics.name
    @Flag(help: "Also measure the references against themselves re-encoded, with their frames shuffled, and standing still.") var floor = false
    @Option(help: "Of KVD's subsets and of shuffled frames.") var seed: UInt64 = 0
    @Option(help: "Threads; 0 leaves the choice to libtorch.") var threads = 0
    @Flag(help: "Print one JSON object.") var json = false
    @OptionGroup var device: DeviceOptions
    @OptionGroup var common: CommonOptions

    /// A metric that was asked for.
    private struct Request {
        let name: String
        let file: URL?
    }

    private static let withoutFile = ["psnr", "ssim"]
    private static let withFile = ["lpips", "fvd", "kvd"]

    private func requests() throws -> [Request] {
        var names: Set<String> = []
        return try metric.map { text in
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
    }

    func validate() throws {
        guard !metric.isEmpty else { throw ValidationError("Missing expected argument '--metric <name[=file]>'") }
        let requests = try requests()
        do { _ = try FVDPreset.named(preset) } catch { throw ValidationError("--preset: \(error)") }
        let files = Set(requests.filter { $0.name != "lpips" }.compactMap(\.file))
        guard files.count <= 1 else { throw ValidationError("--metric fvd and --metric kvd look at one network: give both the same file") }
        try require("threads", threads, in: threadCounts)
    }

    func run() throws {
        Runtime.threads = threads
        let requests = try requests()
        let (pairs, isByName) = try FrameFolders(media).paired(with: FrameFolders(reference))
        if !isByName { Console.line("names differ: clips and references are paired by order, \(pairs[0].clip.name) with \(pairs[0].reference.name)") }
        let place = try device.placement().device
        var evaluation = try evaluation(requests, on: place)
        var floors = try floor ? ClipVariant.allCases.map { ($0, try self.evaluation(requests, on: place)) } : []
        let bar = ProgressBar("scoring")
        for (index, pair) in pairs.enumerated() {
            let reference = try pair.reference.pixels()
            let (caption, seed) = (pair.clip.caption ?? pair.clip.name, pair.clip.seed ?? UInt64(index))
            do {
                try evaluation.add(pair.clip.pixels(), reference: reference, caption: caption, seed: seed)
            } catch let error as MetricError {
                throw ClipFailure(clip: pair.clip.name, error: error)
            }
            for floor in floors.indices {
                try floors[floor].1.add(floors[floor].0(reference, seed: self.seed, index: index), reference: reference, caption: caption, seed: seed)
            }
            bar.show(index + 1, of: pairs.count)
        }
        let answer = try Answer(
            n: pairs.count, metrics: evaluation.results().byName,
            floors: floors.isEmpty
                ? nil : Dictionary(uniqueKeysWithValues: floors.map { ($0.0.rawValue, try $0.1.results().byName) }))
        if let fvd = answer.metrics["fvd"], fvd.n <= 400 {
            Console.line("note: fvd of \(fvd.n) clips, fewer than the 400 features: it comes out too large, and only sets of the same size can be compared")
        }
        try json ? Console.result(json: answer.json()) : Console.result(answer.text(order: requests.map(\.name)))
    }

    private func evaluation(_ requests: [Request], on device: Device) throws -> ClipEvaluation {
        let pairs = try requests.compactMap { request -> (any ClipPairMetric)? in
            switch request.name {
            case "psnr": PSNR()
            case "ssim": SSIM()
            case "lpips": try LPIPS.load(request.file!, on: device)
            default: nil
            }
        }
        let sets = requests.compactMap { ClipEvaluation.SetMetric(rawValue: $0.name) }
        let file = requests.first { $0.name == "fvd" || $0.name == "kvd" }?.file
        let features = try file.map { try ClipFeatures.load($0, preset: FVDPreset.named(preset), on: device) }
        var evaluation = ClipEvaluation(pairs: pairs, sets: sets, features: features)
        evaluation.kernel.seed = seed
        return evaluation
    }

    /// What `--json` prints.
    private struct Answer: Encodable {
        let n: Int
        let metrics: [String: MetricResult]
        let floors: [String: [String: MetricResult]]?

        func json() throws -> Data {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return try encoder.encode(self)
        }

        func text(order: [String]) -> String {
            func lines(_ metrics: [String: MetricResult]) -> [String] { order.compactMap { metrics[$0]?.text } }
            let floors = (floors ?? [:]).sorted { $0.key < $1.key }.flatMap { ["the references against themselves, \($0.key):"] + lines($0.value) }
            return (lines(metrics) + floors).joined(separator: "\n")
        }
    }

    /// A refusal, with the clip that it is about.
    private struct ClipFailure: Error, CustomStringConvertible {
        let clip: String
        let error: MetricError
        var description: String { "\(clip): \(error)" }
    }
}

extension [MetricResult] {
    fileprivate var byName: [String: MetricResult] { Dictionary(uniqueKeysWithValues: map { ($0.metric, $0) }) }
}
