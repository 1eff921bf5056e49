import Foundation
import Storage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A safetensors file (huggingface/safetensors, format of its README), mapped into memory.
///
/// Opening reads and checks the header alone. Tensors are views of the file's pages, read when they are touched; the map lives as
/// long as the last of them. Writing to such a tensor changes its own pages, never the file. A file that another process cuts short
/// afterwards cannot be guarded against; our own writer replaces files by name, which leaves a mapped one whole.
public struct SafeTensorsFile: Sendable {
    public let url: URL
    /// The texts of `__metadata__`.
    public let metadata: [String: String]
    /// Sorted.
    public let names: [String]

    private let entries: [String: SafeTensorsHeader.Entry]
    let map: FileMap
    let dataStart: Int

    /// Maps the file and checks its header in full; every problem has its own message.
    public init(_ url: URL) throws(SafeTensorsError) {
        do throws(SafeTensorsError.Problem) {
            map = try FileMap(url.path)
            let header: SafeTensorsHeader
            do throws(SafeTensorsError.Problem) {
                (header, dataStart) = try Self.header(map.bytes)
            } catch {
                throw FileKind(notText: map.bytes.prefix(FileKind.startLength)).map { .otherKind($0) } ?? error
            }
            metadata = header.metadata
            entries = header.entries
            names = entries.keys.sorted()
            self.url = url
        } catch {
            throw SafeTensorsError(path: url.path, problem: error)
        }
    }

    /// The header, and where the data behind it starts.
    private static func header(_ bytes: UnsafeMutableRawBufferPointer) throws(SafeTensorsError.Problem) -> (SafeTensorsHeader, dataStart: Int) {
        let size = bytes.count
        guard size >= 8 else { throw .truncated(size: size) }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= SafeTensors.longestHeader else { throw .headerTooLong(length) }
        guard length <= size - 8 else { throw .headerBeyondFile(length: Int(length), size: size) }
        let dataStart = 8 + Int(length)
        return (try SafeTensorsHeader(UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart]), dataSize: size - dataStart), dataStart)
    }

    public func contains(_ name: String) -> Bool { entries[name] != nil }
    /// Without touching the data; nil where there is no such tensor.
    public func shape(of name: String) -> [Int]? { entries[name]?.shape }
    public func dtype(of name: String) -> DType? { entries[name]?.dtype }

    /// A view of the file, or on another device than the processor a copy, made straight from the file's pages.
    public func tensor(_ name: String, on device: Device) throws(SafeTensorsError) -> Tensor { try tensor(name).to(device) }

    /// A view of the file, or a copy where the file puts the elements at an address that the processor cannot read them from.
    public func tensor(_ name: String) throws(SafeTensorsError) -> Tensor {
        guard let entry = entries[name] else { throw SafeTensorsError(path: url.path, problem: .noSuchTensor(name)) }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: map.bytes[dataStart + entry.bytes.lowerBound..<dataStart + entry.bytes.upperBound])
        if entry.dtype == .bool, bytes.contains(where: { $0 > 1 }) {
            throw SafeTensorsError(path: url.path, problem: .notBoolean(tensor: name))
        }
        do {
            let start = map.bytes.baseAddress! + dataStart + entry.bytes.lowerBound
            if Int(bitPattern: start) % entry.dtype.size == 0 {
                return try Tensor(memory: start, shape: entry.shape, dtype: entry.dtype, release: { [map] in withExtendedLifetime(map) {} })
            }
            let copy = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 1), alignment: 64)
            copy.copyMemory(from: start, byteCount: bytes.count)
            return try Tensor(memory: copy, shape: entry.shape, dtype: entry.dtype, release: { copy.deallocate() })
        } catch {
            throw SafeTensorsError(path: url.path, problem: .libtorch(tensor: name, message: error.message))
        }
    }

    public func all(on device: Device = .cpu) throws(SafeTensorsError) -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for name in names { tensors[name] = try tensor(name, on: device) }
        return tensors
    }
}

/// A file's bytes in memory, private to this process.
final class FileMap: @unchecked Sendable {
    // The pointer never changes; who writes through it is the tensors' business.
    let bytes: UnsafeMutableRawBufferPointer
    let identity: Identity

    /// Tells a file, as it is now, from every other.
    struct Identity: Hashable {
        let device, number: UInt64
        let size, seconds, nanoseconds: Int

        init(_ status: stat) {
            device = UInt64(truncatingIfNeeded: status.st_dev)
            number = UInt64(truncatingIfNeeded: status.st_ino)
            size = Int(status.st_size)
            #if canImport(Darwin)
                let changed = status.st_ctimespec
            #else
                let changed = status.st_ctim
            #endif
            (seconds, nanoseconds) = (Int(changed.tv_sec), Int(changed.tv_nsec))
        }
    }

    init(_ path: String) throws(SafeTensorsError.Problem) {
        // A pipe is not waited for, and a socket cannot be opened.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw errno == ENXIO ? .notAFile : .file(FileError("open", path)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .file(FileError("examine", path)) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile }
        identity = Identity(status)
        let size = Int(status.st_size)
        guard size > 0 else { throw .truncated(size: 0) }
        let start = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0)
        guard let start, start != MAP_FAILED else { throw .file(FileError("map", path)) }
        bytes = UnsafeMutableRawBufferPointer(start: start, count: size)
    }

    deinit { munmap(bytes.baseAddress!, bytes.count) }
}
