import CTorch
import Storage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif
#if canImport(Metal)
    import Metal
#endif

/// What this machine and this libtorch have of one kind of device beside the processor.
public struct Accelerator: Sendable, Equatable {
    public let kind: Device.Kind
    /// Whether the system can reach such a device: NVIDIA's driver for CUDA, an Apple GPU for MPS.
    public let hasDriver: Bool
    /// Whether libtorch was built for it.
    public let isBuilt: Bool
    /// Devices that libtorch can use.
    public let count: Int

    public init(_ kind: Device.Kind, hasDriver: Bool, isBuilt: Bool, count: Int) {
        (self.kind, self.hasDriver, self.isBuilt, self.count) = (kind, hasDriver, isBuilt, count)
    }

    /// Those of this machine, the preferred first.
    public static var all: [Accelerator] { [Device.Kind.cuda, .mps].map(found) }

    private static func found(_ kind: Device.Kind) -> Accelerator {
        Accelerator(
            kind, hasDriver: kind == .cuda ? hasNVIDIADriver : hasAppleGPU, isBuilt: ct_device_is_built(kind.rawValue),
            count: Int(ct_device_count(kind.rawValue)))
    }

    private static var hasNVIDIADriver: Bool {
        guard let library = dlopen("libcuda.so.1", RTLD_LAZY) else { return false }
        dlclose(library)
        return true
    }

    private static var hasAppleGPU: Bool {
        #if canImport(Metal)
            return MTLCreateSystemDefaultDevice() != nil
        #else
            return false
        #endif
    }

    /// What keeps it from being used; nothing where it can be.
    var missing: [DeviceError.Missing] {
        guard count == 0 else { return [] }
        let missing = (hasDriver ? [] : [DeviceError.Missing.driver]) + (isBuilt ? [] : [.build])
        return missing.isEmpty ? [.device] : missing
    }
}

extension Device {
    /// The device of a name as people give it: `auto` (CUDA's first where there is one, then MPS, then the processor), `cpu`, `cuda` (the first),
    /// `cuda:N` or `mps`.
    /// - Parameter accelerators: what there is, the preferred first
    /// - Throws: `DeviceError` where the name is none of these, or there is no such device
    public init(named name: String, among accelerators: [Accelerator] = Accelerator.all) throws(DeviceError) {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        switch (parts[0], parts.count) {
        case ("auto", 1):
            self = accelerators.first { $0.count > 0 }.map { Device($0.kind, index: 0) } ?? .cpu
        case ("cpu", 1):
            self = .cpu
        case ("cuda", 1), ("mps", 1):
            self = try Self.found(name == "cuda" ? .cuda : .mps, 0, accelerators)
        case ("cuda", 2):
            guard !parts[1].isEmpty, parts[1].allSatisfy({ $0.isASCII && $0.isNumber }), let index = Int32(parts[1]) else {
                throw DeviceError.unknownName(name)
            }
            self = try Self.found(.cuda, index, accelerators)
        default:
            throw DeviceError.unknownName(name)
        }
    }

    /// Whether `init(named:among:)` knows the name, whatever there is here.
    public static func isName(_ name: String) -> Bool {
        do throws(DeviceError) {
            _ = try Device(named: name, among: [])
        } catch .unknownName {
            return false
        } catch {}
        return true
    }

    private static func found(_ kind: Kind, _ index: Int32, _ accelerators: [Accelerator]) throws(DeviceError) -> Device {
        let found = accelerators.first { $0.kind == kind } ?? Accelerator(kind, hasDriver: false, isBuilt: false, count: 0)
        guard found.count > 0 else { throw DeviceError.unavailable(kind, missing: found.missing) }
        guard index < found.count else { throw DeviceError.noSuchIndex(Device(kind, index: index), count: found.count) }
        return Device(kind, index: index)
    }
}

/// Why a device cannot be used.
public enum DeviceError: Error, Equatable, CustomStringConvertible {
    case unknownName(String)
    case unavailable(Device.Kind, missing: [Missing])
    case noSuchIndex(Device, count: Int)

    /// What a device needs.
    public enum Missing: Sendable {
        /// NVIDIA's driver, or an Apple GPU.
        case driver
        /// A libtorch that was built for the device.
        case build
        /// A device that can be seen, where driver and libtorch are there.
        case device
    }

    public var description: String {
        switch self {
        case .unknownName(let name):
            "\"\(name.printable)\" is no device: auto, cpu, cuda, cuda:N and mps are known, N counting from 0"
        case .unavailable(let kind, let missing):
            "there is no \(kind == .cuda ? "CUDA" : "MPS") device: " + missing.map { Self.text($0, kind) }.joined(separator: ", and ")
        case .noSuchIndex(let device, let count):
            "there is no \(device): this machine has \(count == 1 ? "\(device.kind):0 alone" : "\(device.kind):0 to \(device.kind):\(count - 1)")"
        }
    }

    private static func text(_ missing: Missing, _ kind: Device.Kind) -> String {
        switch (missing, kind) {
        case (.driver, .cuda): "NVIDIA's driver is missing (libcuda.so.1 does not load)"
        case (.driver, _): "this machine has no Apple GPU"
        case (.build, .cuda): "this libtorch (\(Runtime.version)) was built without CUDA"
        case (.build, _): "this libtorch (\(Runtime.version)) was built without MPS"
        case (.device, .cuda): "the driver shows no GPU, or is older than this libtorch (\(Runtime.version)) needs; CUDA_VISIBLE_DEVICES may hide it"
        case (.device, _): "the system is older than this libtorch (\(Runtime.version)) needs"
        }
    }
}
