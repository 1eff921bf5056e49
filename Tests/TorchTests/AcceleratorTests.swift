import Testing

@testable import Torch

/// Devices by the names that people give them, on machines with and without.
@Suite struct AcceleratorTests {
    private static func cuda(_ count: Int, hasDriver: Bool = true, isBuilt: Bool = true) -> Accelerator {
        Accelerator(.cuda, hasDriver: hasDriver, isBuilt: isBuilt, count: count)
    }

    private static func mps(_ count: Int, hasDriver: Bool = true, isBuilt: Bool = true) -> Accelerator {
        Accelerator(.mps, hasDriver: hasDriver, isBuilt: isBuilt, count: count)
    }

    @Test func autoTakesCUDAThenMPSThenTheProcessor() throws {
        #expect(try Device(named: "auto", among: [Self.cuda(2), Self.mps(1)]) == Device(.cuda, index: 0))
        #expect(try Device(named: "auto", among: [Self.cuda(0), Self.mps(1)]) == Device(.mps, index: 0))
        #expect(try Device(named: "auto", among: [Self.cuda(0), Self.mps(0)]) == .cpu)
        #expect(try Device(named: "auto", among: []) == .cpu)
    }

    @Test func namesAreRead() throws {
        let machine = [Self.cuda(2), Self.mps(1)]
        #expect(try Device(named: "cpu", among: machine) == .cpu)
        #expect(try Device(named: "cuda", among: machine) == Device(.cuda, index: 0))
        #expect(try Device(named: "cuda:1", among: machine) == Device(.cuda, index: 1))
        #expect(try Device(named: "mps", among: machine) == Device(.mps, index: 0))
    }

    @Test(arguments: ["", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:x", "cuda:1:2", "cuda:99999999999", "cuda:+1", "cpu:0", "auto:0", "meta", "mps:1"])
    func otherNamesAreRefused(_ name: String) {
        #expect(throws: DeviceError.unknownName(name)) { try Device(named: name, among: [Self.cuda(2), Self.mps(1)]) }
    }

    struct Lack: Sendable {
        let machine: Accelerator
        let missing: [DeviceError.Missing]
        let words: [String]
        let absentWords: [String]
    }

    @Test(arguments: [
        Lack(machine: cuda(0, hasDriver: false), missing: [.driver], words: ["driver is missing"], absentWords: ["without CUDA"]),
        Lack(machine: cuda(0, isBuilt: false), missing: [.build], words: ["built without CUDA"], absentWords: ["driver"]),
        Lack(
            machine: cuda(0, hasDriver: false, isBuilt: false), missing: [.driver, .build], words: ["driver is missing", ", and ", "built without CUDA"],
            absentWords: []),
        Lack(machine: cuda(0), missing: [.device], words: ["shows no GPU"], absentWords: ["missing", "built without"]),
        Lack(machine: mps(0, hasDriver: false), missing: [.driver], words: ["no Apple GPU"], absentWords: ["built without"]),
        Lack(machine: mps(0, isBuilt: false), missing: [.build], words: ["built without MPS"], absentWords: ["Apple GPU"]),
    ])
    func whatIsMissingIsSaid(_ lack: Lack) {
        let name = "\(lack.machine.kind)"
        let error = #expect(throws: DeviceError.self) { try Device(named: name, among: [lack.machine]) }
        #expect(error == .unavailable(lack.machine.kind, missing: lack.missing))
        for word in lack.words { #expect(error?.description.contains(word) == true, "\(error?.description ?? "")") }
        for word in lack.absentWords { #expect(error?.description.contains(word) == false, "\(error?.description ?? "")") }
    }

    @Test func aNumberBeyondTheLastIsRefused() {
        let one = #expect(throws: DeviceError.self) { try Device(named: "cuda:1", among: [Self.cuda(1)]) }
        #expect(one == .noSuchIndex(Device(.cuda, index: 1), count: 1) && one?.description == "there is no cuda:1: this machine has cuda:0 alone")
        let several = #expect(throws: DeviceError.self) { try Device(named: "cuda:8", among: [Self.cuda(4)]) }
        #expect(several?.description == "there is no cuda:8: this machine has cuda:0 to cuda:3")
    }

    /// Whatever this machine has: what is named can be used, or is refused.
    @Test(arguments: ["auto", "cpu", "cuda", "mps"]) func thisMachineIsAsked(_ name: String) throws {
        let found: Device
        do {
            found = try Device(named: name)
        } catch {
            guard case .unavailable(let kind, let missing) = error else { throw error }
            #expect("\(kind)" == name && !missing.isEmpty)
            return
        }
        #expect(Tensor.ones([2], on: Placement(found)).sum().item == 2)
        try found.synchronize()
    }

    @Test func whereNothingIsCountedThereIsNoMemory() throws {
        for device in [Device.cpu, .meta] {
            #expect(DeviceMemory(of: device) == nil)
            DeviceMemory.resetPeak(of: device)
            try device.synchronize()
        }
        for kind in [Device.Kind.cuda, .mps] where !Accelerator.all.contains(where: { $0.kind == kind && $0.count > 0 }) {
            #expect(DeviceMemory(of: Device(kind)) == nil)
            #expect(throws: TorchError.self) { try Device(kind).synchronize() }
        }
    }
}
