import Diffusion
import Encoding
import Foundation
import Networks
import TestFiles
import Testing
import Torch
import Winners

@testable import Alignment

/// What one rank of a training does, in a process of its own: this test program again, with these words in its environment.
struct TrainingRank: Codable {
    /// As `run.yaml` has them.
    var settings: String
    var output: URL
    var deed: Deed

    enum Deed: Codable {
        /// Trains a whole run.
        case align
        /// Trains without a run and writes the policy before every update with the gradient of that.
        case dump(FaultyRanks.Fault?)
    }

    static let variable = "SEPPO_TRAINING_RANK"

    func run() throws {
        let settings = try AlignmentSettings(fields: AlignmentSettings.fields(yaml: settings))
        let group = try ProcessGroup.open(RankEnvironment(), identity: RankIdentity(version: "1", settings: ""), timeout: 60)
        switch deed {
        case .align: try AlignmentRun.open(settings, in: output, resumes: true, over: group).run(stopping: StopSignals([])) { _ in }
        case .dump(let fault): try dump(settings, fault.map { FaultyRanks(group, $0) } ?? group)
        }
    }

    private func dump(_ settings: AlignmentSettings, _ group: any Collective) throws {
        let trainer = try Self.trainer(settings, over: group)
        try trainer.goOnWithFirst()
        while !trainer.isDone {
            let update = trainer.updatesDone
            let weights = trainer.policy.trained.map { ("weight." + $0.name, noGradients($0.value.detached.clone)) }
            let gathered = try trainer.gatherGradients(Self.rows(trainer))
            let gradients = trainer.policy.trained.map { ("gradient." + $0.name, $0.value.gradient!) }
            // A busy disk takes its time.
            if group.isFirst { try group.whileOthersWait { try SafeTensors.write(weights + gradients, to: Self.file(output, update)) } }
            _ = trainer.advance(gathered)
            if trainer.endsIteration { try trainer.appendCheckpoint() }
        }
        try group.close()
    }

    static func file(_ folder: URL, _ update: Int) -> URL { folder.appendingPathComponent("\(update).safetensors") }

    /// A training without a run.
    static func trainer(_ settings: AlignmentSettings, over group: any Collective = Alone()) throws -> Trainer {
        let model = try settings.modelFiles
        let pipeline = try DenoisingPipeline.load(model)
        let winners = try EncodedWinners.open(
            settings.listedWinners(), WinnerEncoder.load(model), EncodingSettings(resolution: TinyWorld.side, posterior: .sample, flipsImages: false))
        return try Trainer.prepare(settings, winners, ReferencePool(settings, TrainedPart.choose(settings, of: pipeline), in: nil), over: group)
    }

    /// The winners of the next update.
    static func rows(_ trainer: Trainer) -> [Int] {
        var order = trainer.outlook.order
        return order.next(trainer.settings.optimisation.batch)
    }
}

/// Ranks of which something is deliberately wrong.
final class FaultyRanks: Collective {
    enum Fault: String, Codable { case gradientsNotSummed, sharesOverlap }

    private let group: any Collective
    private let fault: Fault

    init(_ group: any Collective, _ fault: Fault) { (self.group, self.fault) = (group, fault) }

    var rank: Int { group.rank }
    var size: Int { group.size }
    func share(of count: Int) -> Range<Int> { fault == .sharesOverlap ? 0..<count / size : group.share(of: count) }
    func sum(_ tensor: Tensor) throws { if fault != .gradientsNotSummed { try group.sum(tensor) } }
    func gather(_ message: Data) throws -> [Data] { try group.gather(message) }
    func broadcast(_ tensor: Tensor, from rank: Int) throws { try group.broadcast(tensor, from: rank) }
    func whileOthersWait<Result>(_ body: () throws -> Result) rethrows -> Result { try group.whileOthersWait(body) }
    func check() throws { try group.check() }
    func fail(_ reason: String) { group.fail(reason) }
    func close() throws { try group.close() }
}

/// Empty unless this process was started as a rank.
@Suite(.enabled(if: ProcessInfo.processInfo.environment[TrainingRank.variable] != nil, "run by the tests of several processes, in processes of their own"))
struct TrainingRankProcess {
    @Test func works() throws {
        let text = try #require(ProcessInfo.processInfo.environment[TrainingRank.variable])
        do {
            try JSONDecoder().decode(TrainingRank.self, from: Data(text.utf8)).run()
        } catch {
            FileHandle.standardError.write(Data("Error: \(error)\n".utf8))
            exit(1)
        }
    }
}

/// The ranks of one training, as processes of one thread.
enum TrainingRanks {
    /// Runs them to their ends.
    /// - Parameter outputs: of the ranks; their count is that of the processes
    /// - Returns: what each has said on standard error, where one failed
    static func run(_ deed: TrainingRank.Deed, _ settings: AlignmentSettings, to outputs: [URL]) throws -> [String]? {
        let port = try freePort()
        let folder = TemporaryFolder()
        let processes = try outputs.enumerated().map { rank, output in
            let words = TrainingRank(settings: try settings.yaml(), output: output, deed: deed)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
            process.arguments = ["--testing-library", "swift-testing", "--filter", "TrainingRankProcess"]
            process.environment = ProcessInfo.processInfo.environment.merging([
                TrainingRank.variable: String(decoding: try JSONEncoder().encode(words), as: UTF8.self), "OMP_NUM_THREADS": "1", "SWIFT_BACKTRACE": "enable=no",
                "RANK": "\(rank)",
                "WORLD_SIZE": "\(outputs.count)", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)",
            ]) { $1 }
            (process.standardInput, process.standardOutput) = (FileHandle.nullDevice, FileHandle.nullDevice)
            try Data().write(to: folder.url("\(rank)"))
            process.standardError = try FileHandle(forWritingTo: folder.url("\(rank)"))
            try process.run()
            return process
        }
        for process in processes { process.waitUntilExit() }
        if processes.allSatisfy({ $0.terminationStatus == 0 }) { return nil }
        return try processes.indices.map { try String(contentsOf: folder.url("\($0)"), encoding: .utf8) }
    }
}
