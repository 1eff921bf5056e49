import Alignment
import Commands
import Foundation
import Storage
import Torch

/// The processes that work on one alignment together, as torchrun, Slurm, Open MPI or this program has started them.
struct Processes {
    let collective: any Collective
    /// Those on this machine, and this one's number among them.
    private let localSize: Int
    private let localRank: Int

    static let alone = Processes(Alone(), localSize: 1, localRank: 0)

    private init(_ collective: any Collective, localSize: Int, localRank: Int) {
        (self.collective, self.localSize, self.localRank) = (collective, localSize, localRank)
    }

    /// Connects this process to the others. Where nobody has started others and the settings ask for them, this one starts them all instead, and ends
    /// when they have ended.
    static func open(_ settings: AlignmentSettings, _ environment: RankEnvironment) throws -> Processes {
        let asked = settings.computation.processes
        if asked > 1 {
            if environment.starter == .none { try launch(settings.computation) }
            guard environment.size == asked else {
                throw RunError.setting("processes is \(asked), and \(environment.starter.name) has started \(environment.size): leave it out")
            }
        }
        let collective = try ProcessGroup.open(environment, identity: identity(settings), timeout: settings.run.rankTimeout)
        return Processes(collective, localSize: environment.localSize, localRank: environment.localRank)
    }

    private static func launch(_ computation: ComputationSettings) throws -> Never {
        let threads = computation.threads > 0 ? computation.threads : ProcessInfo.processInfo.activeProcessorCount
        let outcome = try LocalLauncher(processes: computation.processes, threads: max(1, threads / computation.processes)).run()
        if let message = outcome.message { Console.line(message) }
        Foundation.exit(outcome.code)
    }

    /// The program by its bytes: another build may compute other bits.
    private static func identity(_ settings: AlignmentSettings) throws -> RankIdentity {
        let program = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
        let digest = try DigestCache.ofUser.digest(of: "program", FileIdentity(program.path).map { [$0] }) {
            var key = ContentKey()
            try Data(contentsOf: program, options: .alwaysMapped).withUnsafeBytes { key.update($0) }
            return key.text
        }
        return RankIdentity(version: "build \(digest.prefix(12)) with libtorch \(Runtime.version)", settings: try settings.comparedText())
    }

    /// The settings with this process's own of the machine's CUDA devices, where it shares the machine and none is named.
    func placed(_ settings: AlignmentSettings) -> AlignmentSettings {
        let devices = Accelerator.all.first { $0.kind == .cuda }?.count ?? 0
        guard localSize > 1, devices > 0, ["auto", "cuda"].contains(settings.computation.device) else { return settings }
        var settings = settings
        settings.computation.device = "cuda:\(localRank % devices)"
        return settings
    }

    /// Gives this process its part of the threads that the settings give the machine.
    func setThreads(_ threads: Int) { Runtime.threads = threads > 0 ? max(1, threads / localSize) : 0 }
}

extension RankEnvironment.Starter {
    fileprivate var name: String {
        switch self {
        case .none, .launcher: "the command"
        case .torchrun: "torchrun"
        case .openMPI: "Open MPI"
        case .slurm: "Slurm"
        }
    }
}
