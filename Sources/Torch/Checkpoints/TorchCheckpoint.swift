import Foundation
import Storage

/// A file of tensors as `torch.save` wrote it, in its zip form or the older one, read as data: no Python is needed, and nothing of the file is executed.
///
/// Opening reads what the file says of its tensors; their elements are read when they are asked for. Tensors in dictionaries of dictionaries have the
/// path as their name; where the file has its weights under `state_dict`, as training programs write them, those alone are read.
public struct TorchCheckpoint: Sendable {
    public let url: URL
    /// In the file's order.
    public let names: [String]
    /// What else the file holds, such as the number of an epoch.
    public let ignored: [String]
    private let views: [String: Pickle.Tensor]
    private let storages: [String: Range<Int>]
    private let map: FileMap

    static let deepest = 100
    static let mostLeaves = 1_000_000

    /// Maps the file. Throws with what is wrong with it, or what it holds beside tensors, and where.
    public init(_ url: URL) throws(TorchCheckpointError) {
        self.url = url
        do throws(TorchCheckpointError.Problem) {
            do throws(SafeTensorsError.Problem) { map = try FileMap(url.path) } catch { throw .file(error) }
            let bytes = UnsafeRawBufferPointer(map.bytes)
            let pickle: Pickle
            if bytes.starts(with: TorchArchive.start) {
                (pickle, storages) = try Self.archive(bytes)
            } else {
                (pickle, storages) = try Self.legacy(bytes)
            }
            var leaves = Leaves(pickle)
            try leaves.collect()
            guard !leaves.tensors.isEmpty else { throw .noTensors }
            for (_, view) in leaves.tensors {
                guard let range = storages[view.storage.key] else { throw .missingStorage(view.storage.key) }
                let needed = view.storage.count.multipliedReportingOverflow(by: view.storage.dtype.size)
                guard !needed.overflow, range.count >= needed.partialValue else {
                    throw .storageSize(key: view.storage.key, bytes: range.count, needed: needed.overflow ? .max : needed.partialValue)
                }
            }
            names = leaves.tensors.map(\.name)
            views = Dictionary(uniqueKeysWithValues: leaves.tensors.map { ($0.name, $0.view) })
            ignored = leaves.ignored
        } catch {
            throw TorchCheckpointError(path: url.path, problem: error)
        }
    }

    public func shape(of name: String) -> [Int]? { views[name]?.shape }
    public func dtype(of name: String) -> DType? { views[name]?.storage.dtype }

    /// A view of the file's pages, or a copy in row-major order where the file has the elements in another order, or at an address that the processor
    /// cannot read them from.
    public func tensor(_ name: String) throws(TorchCheckpointError) -> Tensor {
        guard let view = views[name], let range = storages[view.storage.key] else { throw TorchCheckpointError(path: url.path, problem: .noSuchTensor(name)) }
        let size = view.storage.dtype.size
        let start = map.bytes.baseAddress! + range.lowerBound + (view.storage.part.lowerBound + view.offset) * size
        do {
            if view.isContiguous, view.storage.dtype != .bool, Int(bitPattern: start) % size == 0 {
                return try Tensor(memory: start, shape: view.shape, dtype: view.storage.dtype, release: { [map] in withExtendedLifetime(map) {} })
            }
            let copy = UnsafeMutableRawPointer.allocate(byteCount: max(view.count * size, 1), alignment: 64)
            view.copyElements(from: start, to: copy)
            if view.storage.dtype == .bool {
                // Whatever is not 0 is true.
                let values = UnsafeMutableRawBufferPointer(start: copy, count: view.count)
                for index in values.indices where values[index] > 1 { values[index] = 1 }
            }
            return try Tensor(memory: copy, shape: view.shape, dtype: view.storage.dtype, release: { copy.deallocate() })
        } catch {
            throw TorchCheckpointError(path: url.path, problem: .libtorch(tensor: name, message: error.message))
        }
    }

    // MARK: The two forms

    private static func archive(_ bytes: UnsafeRawBufferPointer) throws(TorchCheckpointError.Problem) -> (Pickle, [String: Range<Int>]) {
        let archive = try TorchArchive(bytes)
        if archive.entries["constants.pkl"] != nil { throw .torchScript }
        func text(_ name: String) -> String? { archive.entries[name].map { String(decoding: bytes[$0.range].prefix(64), as: UTF8.self) } }
        if text("byteorder") == "big" { throw .bigEndian }
        guard let entry = archive.entries["data.pkl"] else { throw .archive("it has no data.pkl") }
        let contents = UnsafeRawBufferPointer(rebasing: bytes[entry.range])
        guard contents.count <= Pickle.longestPickle else { throw .limit("a pickle of \(contents.count) bytes", byte: 0) }
        guard ZipChecksum.of(contents) == entry.checksum else { throw .damaged(entry: "data.pkl") }
        let pickle = try Pickle(contents)
        var storages: [String: Range<Int>] = [:]
        for (name, entry) in archive.entries where name.hasPrefix("data/") { storages[String(name.dropFirst(5))] = entry.range }
        try checkAgreement(pickle)
        return (pickle, storages)
    }

    /// Five pickles, a number that tells the form, its version, the machine's sizes, the object and the keys of its storages; then for each of these its
    /// length and its elements.
    private static func legacy(_ bytes: UnsafeRawBufferPointer) throws(TorchCheckpointError.Problem) -> (Pickle, [String: Range<Int>]) {
        let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
        guard bytes.count > 2, bytes[0] == 0x80, bytes[1] == 2 else { throw .otherKind(FileKind(Data(bytes.prefix(FileKind.startLength)))) }
        let first = try Pickle(bytes)
        guard case .longInteger(let number) = first.root, number == magic else { throw .otherKind(nil) }
        let version = try Pickle(bytes, from: first.end)
        guard case .integer(1001) = version.root else { throw .malformed("an unknown version of the form", byte: first.end) }
        let machine = try Pickle(bytes, from: version.end)
        guard case .dictionary(let index) = machine.root else { throw .malformed("no account of the machine", byte: version.end) }
        for case (key: .text("little_endian"), value: .bool(false)) in machine.dictionaries[index] { throw .bigEndian }
        let object = try Pickle(bytes, from: machine.end)
        let keys = try Pickle(bytes, from: object.end)
        guard case .list(let list) = keys.root else { throw .malformed("no list of storages", byte: object.end) }
        try checkAgreement(object)
        var sizes: [String: Int] = [:]
        for storage in object.storages { sizes[storage.key] = storage.dtype.size }
        var storages: [String: Range<Int>] = [:]
        var place = keys.end
        for value in keys.lists[list] {
            guard case .text(let key) = value, let size = sizes[key], storages[key] == nil else { throw .malformed("the storages' keys", byte: object.end) }
            let count = bytes.number(place, 8)
            let (length, overflows) = count.multipliedReportingOverflow(by: size)
            guard count >= 0, !overflows, place <= bytes.count - 8, length <= bytes.count - place - 8 else { throw .truncated(byte: bytes.count) }
            storages[key] = place + 8..<place + 8 + length
            place += 8 + length
        }
        guard place == bytes.count else { throw .leftOver(bytes.count - place) }
        return (object, storages)
    }

    /// Every mention of a storage says the same of it.
    private static func checkAgreement(_ pickle: Pickle) throws(TorchCheckpointError.Problem) {
        var known: [String: Pickle.Storage] = [:]
        for storage in pickle.storages {
            if let other = known[storage.key], other.dtype != storage.dtype || other.count != storage.count { throw .storageDiffers(storage.key) }
            known[storage.key] = storage
        }
    }

    // MARK: What the pickle holds

    private struct Leaves {
        let pickle: Pickle
        var tensors: [(name: String, view: Pickle.Tensor)] = []
        var ignored: [String] = []
        private var seen: Set<String> = []
        private var visited = 0

        init(_ pickle: Pickle) { self.pickle = pickle }

        mutating func collect() throws(TorchCheckpointError.Problem) {
            guard case .dictionary(let index) = pickle.root else { return try visit(pickle.root, "", depth: 0) }
            let entries = pickle.current(index)
            if let weights = entries.first(where: { $0.name == "state_dict" }), case .dictionary = weights.value {
                ignored = entries.map(\.name).filter { $0 != "state_dict" }
                return try visit(weights.value, "", depth: 1)
            }
            try visit(pickle.root, "", depth: 0)
        }

        private mutating func visit(_ value: Pickle.Value, _ path: String, depth: Int) throws(TorchCheckpointError.Problem) {
            guard depth <= TorchCheckpoint.deepest else { throw .tooDeep }
            visited += 1
            guard visited <= TorchCheckpoint.mostLeaves else { throw .tooMany }
            func below(_ name: String) -> String { path.isEmpty ? name : path + "." + name }
            switch value {
            case .tensor(let index):
                let name = path.isEmpty ? "tensor" : path
                guard seen.insert(name).inserted else { throw .duplicateName(name) }
                tensors.append((name, pickle.tensors[index]))
            case .dictionary(let index):
                for (name, value) in pickle.current(index) { try visit(value, below(name), depth: depth + 1) }
            case .list(let index):
                for (number, value) in pickle.lists[index].enumerated() { try visit(value, below("\(number)"), depth: depth + 1) }
            case .tuple(let index):
                for (number, value) in pickle.tuples[index].enumerated() { try visit(value, below("\(number)"), depth: depth + 1) }
            case .none, .bool, .integer, .longInteger, .number, .text, .global, .storage: ignored.append(path)
            }
        }
    }
}

extension Pickle {
    /// The entries of a dictionary, of which a later one with the same key replaces an earlier; those whose keys are no texts or numbers are left out.
    fileprivate func current(_ dictionary: Int) -> [(name: String, value: Value)] {
        var entries: [(name: String, value: Value)] = []
        var places: [String: Int] = [:]
        for (key, value) in dictionaries[dictionary] {
            let name: String
            switch key {
            case .text(let text): name = text
            case .integer(let number): name = "\(number)"
            default: continue
            }
            if let place = places[name] {
                entries[place].value = value
            } else {
                places[name] = entries.count
                entries.append((name, value))
            }
        }
        return entries
    }
}

extension Pickle.Tensor {
    /// In row-major order.
    fileprivate func copyElements(from start: UnsafeRawPointer, to copy: UnsafeMutableRawPointer) {
        let size = storage.dtype.size
        guard !isContiguous else { return copy.copyMemory(from: start, byteCount: count * size) }
        guard count > 0 else { return }
        var index = [Int](repeating: 0, count: shape.count)
        var source = 0
        for element in 0..<count {
            (copy + element * size).copyMemory(from: start + source * size, byteCount: size)
            // The next one: the last axis runs first.
            for axis in shape.indices.reversed() {
                index[axis] += 1
                source += strides[axis]
                if index[axis] < shape[axis] { break }
                source -= strides[axis] * shape[axis]
                index[axis] = 0
            }
        }
    }
}

/// The CRC-32 that zip archives have of their entries.
enum ZipChecksum {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 != 0 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }

    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
    }
}
