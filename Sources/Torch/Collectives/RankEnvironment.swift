import Foundation
import Storage

/// How this process was started: alone, or as one of several by torchrun, Slurm, Open MPI or ``LocalLauncher``.
public struct RankEnvironment: Equatable, Sendable {
    public enum Starter: String, Sendable {
        case none, torchrun, openMPI, slurm, launcher
    }

    public var starter = Starter.none
    /// The number of this process among `size`.
    public var rank = 0
    public var size = 1
    /// The number of this process among `localSize` on this machine.
    public var localRank = 0
    public var localSize = 1
    /// Where rank 0, or torchrun for it, serves the store.
    public var host = "127.0.0.1"
    public var port: UInt16 = 29500
    /// Whether a store is served there already, by torchrun's agent.
    public var isStoreServed = false
    /// What sets the store's keys of this start apart from those of another.
    public var attempt = ""
    /// A bound socket on which rank 0 is to serve the store.
    public var storeSocket: Int32?
    /// A descriptor that is closed when the process that started this one is gone.
    public var lifeline: Int32?
    /// Whether the environment names network interfaces for Gloo.
    public var namesInterfaces = false

    /// A process by itself.
    public static let alone = RankEnvironment(alone: ())

    private init(alone: Void) {}

    /// Reads the variables that the starters set. The first of these that is there counts: `RANK` and `WORLD_SIZE` (torchrun, ``LocalLauncher`` and
    /// what imitates them), `OMPI_COMM_WORLD_…` (Open MPI), `SLURM_STEP_…` (a step of srun; a shell or a batch script of an allocation is alone).
    /// - Throws: what is missing, or does not fit
    public init(_ variables: [String: String] = ProcessInfo.processInfo.environment) throws(RankEnvironmentError) {
        let variables = RankVariables(variables)
        self = .alone
        if variables.has("RANK") || variables.has("WORLD_SIZE") {
            self = try Self.torchrun(variables)
        } else if variables.has("OMPI_COMM_WORLD_RANK") || variables.has("OMPI_COMM_WORLD_SIZE") {
            self = try Self.openMPI(variables)
        } else if variables.isSlurmStep {
            self = try Self.slurm(variables)
        }
        namesInterfaces = size > 1 && variables.has("GLOO_SOCKET_IFNAME")
    }

    /// https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables
    private static func torchrun(_ variables: RankVariables) throws(RankEnvironmentError) -> RankEnvironment {
        var start = alone
        start.starter = variables.has(storeSocketVariable) || variables.has(lifelineVariable) ? .launcher : .torchrun
        try start.setRank(variables, rank: "RANK", size: "WORLD_SIZE", localRank: "LOCAL_RANK", localSize: "LOCAL_WORLD_SIZE")
        guard start.size > 1 else { return start }
        start.host = try variables.required("MASTER_ADDR")
        start.port = try variables.port("MASTER_PORT")
        start.isStoreServed = variables["TORCHELASTIC_USE_AGENT_STORE"]?.lowercased() == "true"
        start.attempt = [variables["TORCHELASTIC_RUN_ID"], variables["TORCHELASTIC_RESTART_COUNT"]].compactMap { $0 }.joined(separator: "/")
        start.storeSocket = try variables.number(storeSocketVariable).map(Int32.init)
        start.lifeline = try variables.number(lifelineVariable).map(Int32.init)
        return start
    }

    /// https://docs.open-mpi.org/en/main/tuning-apps/environment-var.html
    private static func openMPI(_ variables: RankVariables) throws(RankEnvironmentError) -> RankEnvironment {
        var start = alone
        start.starter = .openMPI
        try start.setRank(
            variables, rank: "OMPI_COMM_WORLD_RANK", size: "OMPI_COMM_WORLD_SIZE", localRank: "OMPI_COMM_WORLD_LOCAL_RANK",
            localSize: "OMPI_COMM_WORLD_LOCAL_SIZE")
        guard start.size > 1 else { return start }
        if start.localSize < start.size || variables.has("MASTER_ADDR") { start.host = try variables.required("MASTER_ADDR") }
        start.port = variables.has("MASTER_PORT") ? try variables.port("MASTER_PORT") : port(of: variables["PMIX_NAMESPACE"] ?? "")
        return start
    }

    /// https://slurm.schedmd.com/srun.html#SECTION_OUTPUT-ENVIRONMENT-VARIABLES
    private static func slurm(_ variables: RankVariables) throws(RankEnvironmentError) -> RankEnvironment {
        var start = alone
        start.starter = .slurm
        let nodes = HostList.hosts(variables["SLURM_STEP_NODELIST"] ?? "")
        let tasks = HostList.tasks(variables["SLURM_STEP_TASKS_PER_NODE"] ?? "")
        let node = try variables.number("SLURM_NODEID") ?? 0
        try start.setRank(variables, rank: "SLURM_PROCID", size: "SLURM_STEP_NUM_TASKS", localRank: "SLURM_LOCALID", localSize: nil)
        start.localSize = tasks.indices.contains(node) ? tasks[node] : nodes.count == 1 ? start.size : start.localRank + 1
        if start.localRank >= start.localSize {
            throw .contradictory("SLURM_LOCALID is \(start.localRank), but SLURM_STEP_TASKS_PER_NODE gives this node \(start.localSize) tasks")
        }
        // srun puts rank 0 on the step's first node.
        guard let host = variables["MASTER_ADDR"] ?? nodes.first ?? variables["SLURM_LAUNCH_NODE_IPADDR"] else {
            throw .incomplete(missing: "SLURM_STEP_NODELIST", given: "SLURM_PROCID")
        }
        start.host = start.localSize == start.size && !variables.has("MASTER_ADDR") ? "127.0.0.1" : host
        let step = (variables["SLURM_JOB_ID"] ?? "") + "." + (variables["SLURM_STEP_ID"] ?? "")
        start.port = variables.has("MASTER_PORT") ? try variables.port("MASTER_PORT") : port(of: step)
        start.attempt = step + "." + (variables["SLURM_RESTART_COUNT"] ?? "0")
        return start
    }

    private mutating func setRank(
        _ variables: RankVariables, rank: String, size: String, localRank: String, localSize: String?
    ) throws(RankEnvironmentError) {
        guard let own = try variables.number(rank) else { throw .incomplete(missing: rank, given: size) }
        guard let all = try variables.number(size) else { throw .incomplete(missing: size, given: rank) }
        guard own < all else { throw .contradictory("\(rank) is \(own), but \(size) is \(all)") }
        (self.rank, self.size) = (own, all)
        self.localRank = try variables.number(localRank) ?? 0
        guard let localSize else { return }
        self.localSize = try variables.number(localSize) ?? self.localRank + 1
        if self.localRank >= self.localSize { throw .contradictory("\(localRank) is \(self.localRank), but \(localSize) is \(self.localSize)") }
        if self.localSize > all { throw .contradictory("\(localSize) is \(self.localSize), but \(size) is \(all)") }
    }

    /// A port that all processes of a start find by themselves, below those that systems give out: two starts on one machine seldom share it.
    private static func port(of start: String) -> UInt16 { UInt16(20_000 + start.utf8.reduce(0) { ($0 * 31 + Int($1)) % 12_000 }) }

    static let storeSocketVariable = "SEPPO_STORE_SOCKET"
    static let lifelineVariable = "SEPPO_LIFELINE"
}

/// Why the variables of the environment do not say what this process is.
public enum RankEnvironmentError: Error, Equatable, CustomStringConvertible {
    case incomplete(missing: String, given: String)
    case notANumber(String, String)
    case contradictory(String)

    public var description: String {
        switch self {
        case .incomplete(let missing, let given): "the environment has \(given), but not \(missing), which several processes need as well"
        case .notANumber(let name, let text): "\(name) in the environment is \"\(text.printable)\", which is no number of the kind that belongs there"
        case .contradictory(let what): "the environment contradicts itself: \(what)"
        }
    }
}

/// The environment's variables, of which empty ones count as not there.
struct RankVariables {
    private let values: [String: String]

    init(_ values: [String: String]) { self.values = values.filter { !$0.value.isEmpty } }

    subscript(_ name: String) -> String? { values[name] }
    func has(_ name: String) -> Bool { values[name] != nil }

    func number(_ name: String) throws(RankEnvironmentError) -> Int? {
        guard let text = values[name] else { return nil }
        guard let number = Int32(text), number >= 0 else { throw .notANumber(name, text) }
        return Int(number)
    }

    func required(_ name: String) throws(RankEnvironmentError) -> String {
        guard let text = values[name] else { throw .incomplete(missing: name, given: has("RANK") ? "RANK" : "OMPI_COMM_WORLD_RANK") }
        return text
    }

    func port(_ name: String) throws(RankEnvironmentError) -> UInt16 {
        let text = try required(name)
        guard let port = UInt16(text), port > 0 else { throw .notANumber(name, text) }
        return port
    }

    /// Whether srun started this as one of several. The shell of `salloc` and the script of `sbatch` have a task's number as well, and either no step
    /// or one of the reserved steps, whose numbers are the last of 32 bits.
    var isSlurmStep: Bool {
        guard has("SLURM_PROCID"), let step = UInt32(values["SLURM_STEP_ID"] ?? ""), step < 0xFFFF_FFF0 else { return false }
        return (Int(values["SLURM_STEP_NUM_TASKS"] ?? "") ?? 1) > 1
    }
}
