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

    func validate() throws {
        guard !metric.isEmpty else { throw ValidationError("Missing expected argument '--metric <name[=file]>'") }
        _ = try MetricRequests(metric)
        _ = try MetricRequests.preset(preset)
        try require("threads", threads, in: threadCounts)
    }

    func run() throws {
        Runtime.threads = threads
        let requests = try MetricRequests(metric)
        let (pairs, isByName) = try FrameFolders(media).paired(with: FrameFolders(reference))
        if !isByName { Console.line("names differ: clips and references are paired by order, \(pairs[0].clip.name) with \(pairs[0].reference.name)") }
        let place = try device.placement().device
        var evaluation = try requests.evaluation(preset: MetricRequests.preset(preset), seed: seed, on: place)
        var floors = floor ? ClipVariant.allCases.map { ($0, evaluation) } : []
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
        for note in answer.metrics.values.compactMap(\.note) { Console.line("note: \(note)") }
        try json ? Console.result(json: answer.json()) : Console.result(answer.text(order: requests.names))
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
}
