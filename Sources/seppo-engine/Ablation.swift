import Alignment
import ArgumentParser
import Commands
import Diffusion
import Experiments
import Foundation
import Storage
import Torch

struct Ablation: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare every method over several seeds on the built-in model.",
        discussion: """
            Every method of the table and every cell of the grid reference x flip, each at the best learning rate and beta of a small sweep that \
            is judged on captions of the tune split, then trained from several seeds and scored on the held-out captions, paired; and the flip \
            held against the oracle. Prints Markdown. Interrupted? The same command goes on: finished runs are kept in OUTPUT/jobs.
            """)

    @Option(help: "Where results are kept.", transform: Place.url) var output = URL(fileURLWithPath: "runs/ablation")
    @Option(help: "Training seeds of the reported runs.") var seeds = 3
    @Option(help: "Runs at a time, one thread each.") var jobs = 2
    @Flag(help: "Print one JSON object.") var json = false
    @Option(help: .hidden, transform: Place.path) var model = BuiltInModel.scenes.rawValue
    @Option(help: .hidden) var job: String?
    @Option(help: .hidden) var iterations: Int?
    @Option(help: .hidden) var updates: Int?
    @OptionGroup var common: CommonOptions

    func validate() throws {
        try require("seeds", seeds, in: 1...1000)
        try require("jobs", jobs, in: 1...1024)
        try require("iterations", iterations, in: 1...1_000_000)
        try require("updates", updates, in: 1...1_000_000)
        var use = FileUse()
        common.reads(&use)
        use.reads("--model", BuiltInModel.resolve(model))
        use.writes("--output", output)
        try use.checkUsage()
    }

    private var plan: AblationPlan {
        var plan = AblationPlan()
        plan.seeds = seeds
        plan.model = Place.ofModel(model)
        plan.iterations = iterations ?? plan.iterations
        plan.updates = updates ?? plan.updates
        return plan
    }

    func run() throws {
        let folder = AblationFolder(output.standardizedFileURL)
        if let job { return try work(JSONDecoder().decode(AblationJob.self, from: Data(job.utf8)), folder) }
        let plan = plan
        let signals = StopSignals()
        let clock = Stopwatch()
        try folder.check()
        try SceneFolder.provide(SceneCorpus(quality: .good, split: .train, count: plan.winners, seed: 0), in: folder.winners)
        let sweep = try run(plan.sweepJobs, "sweep", folder, signals)
        let finals = try run(plan.finalJobs(AblationChoice.best(sweep)), "seeds", folder, signals)
        let comparison = AblationComparison(
            plan, sweep: sweep.filter { $0.job.split == .tune }, finals: sweep.filter { $0.job.split == .heldOut } + finals)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let summary = try encoder.encode(comparison)
        try writeAtomically(summary, to: folder.summary)
        try writeAtomically(Data(comparison.markdown.utf8), to: folder.table)
        Console.line("done after \(ProgressBar.clock(clock.seconds)): \(folder.table.path), \(folder.summary.path)")
        try json ? Console.result(json: summary) : Console.result(comparison.markdown)
    }

    private func run(_ list: [AblationJob], _ title: String, _ folder: AblationFolder, _ signals: StopSignals) throws -> [AblationResult] {
        let queue = AblationQueue(folder, width: jobs)
        let bar = ProgressBar(title)
        let left = queue.pending(list).count
        if left > 0 { Console.line("\(title): \(left) of \(list.count) jobs to do") }
        let executable = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
        let arguments = { (job: AblationJob) in
            ["ablation", "--output", folder.root.path, "--job", String(decoding: try JSONEncoder().encode(job), as: UTF8.self)]
        }
        return try queue.run(list, executable: executable, arguments: arguments, signals: signals) { ended, left, total in
            let outcome = ended.failure == nil ? String(format: "quality %.3f", ended.mean("quality")) : "failed"
            bar.show(total - left, of: total, "\(ended.job.name)  \(outcome)  \(ProgressBar.clock(ended.seconds))")
        }
    }

    /// One job, in the process that was started for it.
    private func work(_ job: AblationJob, _ folder: AblationFolder) throws {
        Runtime.threads = 1
        let parent = getppid()
        try folder.keep(job.run(in: folder, stopping: StopSignals(), isOrphan: { getppid() != parent }))
    }
}
