import Foundation
import TestSupport
import TestFiles
import Testing

@testable import Torch

/// Checkpoints of torch, read as data: what `torch.load` reads from them, bit by bit; and what is refused.
@Suite struct TorchCheckpointTests {
    private let folder = TemporaryFolder()

    private func file(_ name: String) -> URL { Fixture.folder.appendingPathComponent("checkpoints/\(name)") }

    @Test(
        arguments: [
            ("state.pt", "state"), ("state-legacy.pt", "state"), ("training.pt", "training"), ("training-legacy.pt", "training"), ("mixed.pt", "mixed"),
            ("mixed-legacy.pt", "mixed"), ("python2.pth", "python2"),
        ])
    func tensorsAreThoseThatTorchReads(_ name: String, _ expected: String) throws {
        let checkpoint = try TorchCheckpoint(file(name))
        let expected = try SafeTensorsFile(file("\(expected).safetensors")).all()
        #expect(checkpoint.names.sorted() == expected.keys.sorted())
        let found = try Dictionary(uniqueKeysWithValues: checkpoint.names.map { ($0, try checkpoint.tensor($0)) })
        #expect(sameBits(found, expected))
        for (name, tensor) in expected { #expect(checkpoint.shape(of: name) == tensor.shape && checkpoint.dtype(of: name) == tensor.dtype) }
    }

    @Test func whatIsNoTensorIsNamed() throws {
        #expect(try TorchCheckpoint(file("training.pt")).ignored == ["epoch", "optimizer"])
        #expect(try TorchCheckpoint(file("mixed.pt")).ignored == ["tuple.1", "text", "number", "none", "true", "negative", "long"])
        #expect(try TorchCheckpoint(file("state.pt")).ignored.isEmpty)
    }

    private func problem(_ url: URL) -> TorchCheckpointError.Problem? {
        do throws(TorchCheckpointError) {
            _ = try TorchCheckpoint(url)
            return nil
        } catch {
            return error.problem
        }
    }

    private func problem(_ bytes: [UInt8]) throws -> TorchCheckpointError.Problem? {
        let url = folder.url("file.pt")
        try Data(bytes).write(to: url)
        return problem(url)
    }

    @Test func whatHoldsMoreThanTensorsIsRefusedByName() throws {
        #expect(problem(file("call.pt")) == .global("__builtin__.print", byte: 169))
        guard case .global("torch.nn.modules.container.Sequential", _)? = problem(file("module.pt")) else { return #expect(Bool(false), "a module") }
        #expect(problem(file("script.pt")) == .torchScript)
        guard case .archive(let what)? = problem(file("compressed.pt")) else { return #expect(Bool(false), "a compressed archive") }
        #expect(what.contains("compressed"))
        #expect(problem(file("state.safetensors")) == .otherKind(nil))
    }

    // MARK: Hostile pickles

    /// The older form around the pickle of an object, with elements behind it.
    private func legacy(_ object: [UInt8], keys: [String] = [], data: [UInt8] = []) -> [UInt8] {
        let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
        let list: [UInt8] = [0x80, 2, 0x5D, 0x28] + keys.flatMap(text) + [0x65, 0x2E]
        return magic + [0x80, 2, 0x4D, 0xE9, 3, 0x2E] + [0x80, 2, 0x7D, 0x2E] + [0x80, 2] + object + list + data
    }

    private func text(_ text: String) -> [UInt8] { [0x55, UInt8(text.utf8.count)] + text.utf8 }
    private func number(_ value: Int) -> [UInt8] { [0x8A, 8] + (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }

    private func tensor(key: String = "0", elements: Int = 4, offset: Int = 0, shape: [Int] = [4], strides: [Int] = [1]) -> [UInt8] {
        let storage: [UInt8] = [0x28] + text("storage") + Array("ctorch\nFloatStorage\n".utf8) + text(key) + text("cpu") + number(elements) + [0x74, 0x51]
        func tuple(_ numbers: [Int]) -> [UInt8] { [0x28] + numbers.flatMap(number) + [0x74] }
        return Array("ctorch._utils\n_rebuild_tensor\n(".utf8) + storage + number(offset) + tuple(shape) + tuple(strides) + [0x74, 0x52]
    }

    private func elements(_ count: Int) -> [UInt8] { number(count).dropFirst(2) + [UInt8](repeating: 0, count: 4 * count) }

    /// A tensor of that view, whole but for what the arguments spoil.
    private func view(offset: Int = 0, shape: [Int] = [4], strides: [Int] = [1]) throws -> TorchCheckpointError.Problem? {
        try problem(legacy(tensor(offset: offset, shape: shape, strides: strides) + [0x2E], keys: ["0"], data: elements(4)))
    }

    @Test func viewsStayWithinTheirStorage() throws {
        #expect(try view() == nil)
        #expect(try view(offset: 2, shape: [2], strides: [1]) == nil)
        #expect(try view(shape: [2, 2], strides: [1, 2]) == nil)
        #expect(try view(shape: [], strides: []) == nil)
        #expect(try view(shape: [0, 7], strides: [7, 1]) == nil)
        let wrong: [(Int, [Int], [Int])] = [
            (1, [4], [1]), (-1, [1], [1]), (0, [-1], [1]), (0, [2], [-1]), (0, [2], [4]), (0, [4], [1, 1]), (5, [0], [1]), (0, [1 << 62, 4], [4, 1]),
            (0, [2], [Int.max]), (0, [3, 1 << 40], [0, 0]), (Int.max, [1], [1]), (0, [Int](repeating: 1, count: 65), [Int](repeating: 1, count: 65)),
        ]
        for (offset, shape, strides) in wrong {
            guard case .beyondStorage? = try view(offset: offset, shape: shape, strides: strides) else {
                #expect(Bool(false), "\(offset) \(shape) \(strides)")
                continue
            }
        }
    }

    @Test func storagesAreWholeAndSaidOnce() throws {
        let object = tensor() + [0x2E]
        #expect(try problem(legacy(object, keys: [], data: [])) == .missingStorage("0"))
        guard case .truncated? = try problem(legacy(object, keys: ["0"], data: Array(elements(4).dropLast()))) else { return #expect(Bool(false)) }
        #expect(try problem(legacy(object, keys: ["0"], data: elements(4) + [0])) == .leftOver(1))
        #expect(try problem(legacy(object, keys: ["0"], data: elements(3))) == .storageSize(key: "0", bytes: 12, needed: 16))
        let two: [UInt8] = [0x5D, 0x28] + tensor() + tensor(elements: 5) + [0x65, 0x2E]
        #expect(try problem(legacy(two, keys: ["0"], data: elements(4))) == .storageDiffers("0"))
    }

    /// Each ends in an error that says why, in little time and memory.
    @Test func nestingAndRepetitionAreBounded() throws {
        func remembered(_ index: Int) -> [UInt8] { [0x72] + (0..<4).map { UInt8(truncatingIfNeeded: index >> ($0 * 8)) } }
        func recalled(_ index: Int) -> [UInt8] { [0x6A] + (0..<4).map { UInt8(truncatingIfNeeded: index >> ($0 * 8)) } }
        // Tuples in tuples; a list that holds itself; lists that hold the one before twice, of which all paths together are too many.
        let tuples = [UInt8](repeating: 0x29, count: 1) + [UInt8](repeating: 0x85, count: 500_000)
        #expect(try problem(legacy(tuples + [0x2E])) == .tooDeep)
        #expect(try problem(legacy([0x5D] + remembered(0) + recalled(0) + [0x61, 0x2E])) == .tooDeep)
        var doubling: [UInt8] = [0x29] + remembered(0)
        for level in 1...60 { doubling += [0x5D] + recalled(level - 1) + [0x61] + recalled(level - 1) + [0x61] + remembered(level) }
        // The earlier ones stay on the stack: a tuple takes them all.
        #expect(try problem(legacy([0x28] + doubling + [0x74, 0x2E])) == .tooMany)
        let marks = [UInt8](repeating: 0x28, count: 2_000_000)
        guard case .limit? = try problem(legacy(marks)) else { return #expect(Bool(false), "marks") }
        let nones = [UInt8](repeating: 0x4E, count: 2_000_000)
        guard case .limit? = try problem(legacy(nones)) else { return #expect(Bool(false), "a stack") }
        // One list of pairs, made a dictionary again and again.
        var again: [UInt8] = [0x28, 0x5D, 0x28]
        for _ in 0..<1000 { again += text("a") + [0x4E, 0x86] }
        again += [0x65] + remembered(0)
        for _ in 0..<20_000 { again += Array("ccollections\nOrderedDict\n".utf8) + recalled(0) + [0x85, 0x52] }
        guard case .limit? = try problem(legacy(again + [0x74, 0x2E])) else { return #expect(Bool(false), "elements") }
        let long: [UInt8] = [0x58, 0, 0, 2, 0] + [UInt8](repeating: 97, count: 1 << 17)
        guard case .limit? = try problem(legacy(long + [0x2E])) else { return #expect(Bool(false), "a text") }
    }

    @Test func opcodesThatNoTensorNeedsAreNamed() throws {
        let cases: [([UInt8], TorchCheckpointError.Problem)] = [
            (Array("cos\nsystem\n".utf8), .global("os.system", byte: 27)), ([0x93], .opcode("opcode 0x93", byte: 27)),
            ([0x80, 4], .opcode("protocol 4", byte: 27)), ([0x68, 7], .malformed("memo 7, which is empty", byte: 27)),
            ([0x61], .malformed("too little is left on the stack", byte: 27)),
            ([0x2E], .malformed("nothing is left on the stack", byte: 27)), ([0x74], .malformed("no mark", byte: 27)),
        ]
        for (bytes, problem) in cases { #expect(try self.problem(legacy(bytes)) == problem) }
    }

    /// Every beginning of a file is refused, and none of its bytes can be damaged so that the program ends.
    @Test(arguments: ["state.pt", "state-legacy.pt"]) func cutShortIsRefused(_ name: String) throws {
        let bytes = [UInt8](try Data(contentsOf: file(name)))
        for count in Swift.stride(from: 0, to: bytes.count, by: 7) { #expect(try problem(Array(bytes[..<count])) != nil, "\(count)") }
        var damaged = bytes
        let pickle = try #require(bytes.firstRange(of: Array("_rebuild_tensor_v2".utf8)))
        damaged[pickle.lowerBound] ^= 1
        let isArchive = name == "state.pt"
        let expected: TorchCheckpointError.Problem =
            isArchive ? .damaged(entry: "data.pkl") : .global("torch._utils.^rebuild_tensor_v2", byte: pickle.lowerBound - 14)
        #expect(try problem(damaged) == expected)
    }
}
