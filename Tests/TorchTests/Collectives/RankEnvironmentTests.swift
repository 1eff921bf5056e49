import Testing

@testable import Torch

/// How a process was started, from the variables that each starter sets.
@Suite struct RankEnvironmentTests {
    private let torchrun = [
        "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "node7", "MASTER_PORT": "29400",
        "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_RESTART_COUNT": "2",
    ]
    private let slurm = [
        "SLURM_PROCID": "3", "SLURM_NTASKS": "5", "SLURM_STEP_NUM_TASKS": "5", "SLURM_LOCALID": "1", "SLURM_NODEID": "1", "SLURM_JOB_ID": "4711",
        "SLURM_STEP_ID": "0", "SLURM_STEP_NODELIST": "gpu[08-10]", "SLURM_STEP_TASKS_PER_NODE": "2(x2),1", "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.1",
    ]
    private let openMPI = [
        "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
    ]

    private func place(_ environment: RankEnvironment) -> [Int] { [environment.rank, environment.size, environment.localRank, environment.localSize] }

    @Test func withoutVariablesItIsAlone() throws {
        #expect(try RankEnvironment([:]) == .alone)
        #expect(try RankEnvironment(["PATH": "/bin", "MASTER_ADDR": "node7", "RANK": "", "GLOO_SOCKET_IFNAME": "eth0"]) == .alone)
        #expect(try RankEnvironment(["RANK": "0", "WORLD_SIZE": "1"]).size == 1)
    }

    @Test func torchrunServesTheStoreItself() throws {
        let start = try RankEnvironment(torchrun)
        #expect(start.starter == .torchrun && place(start) == [5, 8, 1, 4])
        #expect(start.host == "node7" && start.port == 29400 && start.isStoreServed && start.attempt == "none/2")
        // A restart by the agent has other keys, and without an agent rank 0 serves.
        let again = try RankEnvironment(torchrun.merging(["TORCHELASTIC_RESTART_COUNT": "3"]) { $1 })
        #expect(again.attempt != start.attempt)
        #expect(try !RankEnvironment(torchrun.merging(["TORCHELASTIC_USE_AGENT_STORE": "False"]) { $1 }).isStoreServed)
        #expect(try RankEnvironment(torchrun.merging(["GLOO_SOCKET_IFNAME": "eth0"]) { $1 }).namesInterfaces)
    }

    @Test func aStepOfSlurmMeetsAtItsFirstNode() throws {
        let start = try RankEnvironment(slurm)
        #expect(start.starter == .slurm && place(start) == [3, 5, 1, 2])
        #expect(start.host == "gpu08" && 20_000..<32_000 ~= start.port && !start.isStoreServed && start.attempt == "4711.0.0")
        let other = try RankEnvironment(slurm.merging(["SLURM_STEP_ID": "1"]) { $1 })
        #expect(other.port != start.port && other.attempt != start.attempt)
        let given = try RankEnvironment(slurm.merging(["MASTER_ADDR": "gpu08-ib", "MASTER_PORT": "5000"]) { $1 })
        #expect(given.host == "gpu08-ib" && given.port == 5000)
        let here = ["SLURM_STEP_NODELIST": "gpu08", "SLURM_STEP_TASKS_PER_NODE": "5", "SLURM_NODEID": "0"]
        let oneNode = try RankEnvironment(slurm.merging(here) { $1 })
        #expect(oneNode.host == "127.0.0.1" && place(oneNode) == [3, 5, 1, 5])
    }

    @Test func aShellOrABatchScriptOfSlurmIsAlone() throws {
        // sbatch: the script has a task's number, and no step.
        #expect(try RankEnvironment(slurm.filter { !$0.key.contains("STEP") }).size == 1)
        // salloc's shell as an interactive step.
        #expect(try RankEnvironment(slurm.merging(["SLURM_STEP_ID": "4294967290"]) { $1 }).size == 1)
        // salloc's shell on the login node.
        #expect(try RankEnvironment(["SLURM_JOB_ID": "4711", "SLURM_NTASKS": "4", "SLURM_JOB_NAME": "interactive"]).size == 1)
        // srun --pty bash.
        #expect(try RankEnvironment(slurm.merging(["SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS": "1"]) { $1 }).size == 1)
    }

    @Test func openMPIInsideAnAllocationOfSlurmCounts() throws {
        let start = try RankEnvironment(openMPI.merging(slurm.filter { !$0.key.contains("STEP") }) { $1 })
        #expect(start.starter == .openMPI && place(start) == [1, 2, 1, 2] && start.host == "127.0.0.1")
        let apart = openMPI.merging(["OMPI_COMM_WORLD_LOCAL_RANK": "0", "OMPI_COMM_WORLD_LOCAL_SIZE": "1"]) { $1 }
        #expect(throws: RankEnvironmentError.incomplete(missing: "MASTER_ADDR", given: "OMPI_COMM_WORLD_RANK")) { try RankEnvironment(apart) }
        #expect(try RankEnvironment(apart.merging(["MASTER_ADDR": "node1"]) { $1 }).host == "node1")
    }

    @Test func whatIsMissingOrDoesNotFitIsNamed() {
        func refusal(_ variables: [String: String], _ changes: [String: String]) -> RankEnvironmentError? {
            do {
                _ = try RankEnvironment(variables.merging(changes) { $1 })
                return nil
            } catch {
                return error
            }
        }
        #expect(refusal([:], ["RANK": "1"]) == .incomplete(missing: "WORLD_SIZE", given: "RANK"))
        #expect(refusal([:], ["WORLD_SIZE": "2"]) == .incomplete(missing: "RANK", given: "WORLD_SIZE"))
        #expect(refusal(torchrun, ["MASTER_ADDR": ""]) == .incomplete(missing: "MASTER_ADDR", given: "RANK"))
        #expect(refusal(torchrun, ["MASTER_PORT": "99999"]) == .notANumber("MASTER_PORT", "99999"))
        #expect(refusal(torchrun, ["RANK": "-1"]) == .notANumber("RANK", "-1"))
        #expect(refusal(torchrun, ["RANK": "two"]) == .notANumber("RANK", "two"))
        #expect(refusal(torchrun, ["RANK": "8"]) == .contradictory("RANK is 8, but WORLD_SIZE is 8"))
        #expect(refusal(torchrun, ["LOCAL_RANK": "4"]) == .contradictory("LOCAL_RANK is 4, but LOCAL_WORLD_SIZE is 4"))
        #expect(refusal(torchrun, ["LOCAL_WORLD_SIZE": "9"]) == .contradictory("LOCAL_WORLD_SIZE is 9, but WORLD_SIZE is 8"))
        #expect(refusal(slurm, ["SLURM_PROCID": "5"]) == .contradictory("SLURM_PROCID is 5, but SLURM_STEP_NUM_TASKS is 5"))
        let nowhere = ["SLURM_STEP_NODELIST": "", "SLURM_LAUNCH_NODE_IPADDR": ""]
        #expect(refusal(slurm, nowhere) == .incomplete(missing: "SLURM_STEP_NODELIST", given: "SLURM_PROCID"))
        let sizeless = ["OMPI_COMM_WORLD_SIZE": ""]
        #expect(refusal(openMPI, sizeless) == .incomplete(missing: "OMPI_COMM_WORLD_SIZE", given: "OMPI_COMM_WORLD_RANK"))
    }

    @Test func slurmsListsAreRead() {
        #expect(HostList.hosts("node1") == ["node1"])
        #expect(HostList.hosts("gpu[01-03,7],login") == ["gpu01", "gpu02", "gpu03", "gpu7", "login"])
        #expect(HostList.hosts("r[1-2]n[9-10]") == ["r1n9", "r1n10", "r2n9", "r2n10"])
        #expect(HostList.hosts("n[3-1]").isEmpty && HostList.hosts("n[1").isEmpty && HostList.hosts("n[a-b]").isEmpty && HostList.hosts("").isEmpty)
        #expect(HostList.tasks("2(x3),1") == [2, 2, 2, 1] && HostList.tasks("4") == [4] && HostList.tasks("x").isEmpty)
    }
}
