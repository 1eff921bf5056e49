import Foundation
import Testing
import Torch

@testable import Alignment

@Suite struct RunStateTests {
    let directory: RunDirectory

    init() throws {
        directory = RunDirectory(FileManager.default.temporaryDirectory.appendingPathComponent("run-state-\(UUID().uuidString)"))
        try directory.create()
    }

    private func save(_ updates: Int, value: Float) throws {
        let parameters = [(name: "w", value: Tensor([value, 2]))]
        var counters = RunState.Counters()
        counters.updates = updates
        try RunState.save(
            counters, inputs: RunState.Inputs(data: "a", unet: "b"),
            [.init(component: .policy, tensors: parameters), .init(component: .optimiser, tensors: AdamW(parameters).state)], in: directory)
    }

    private var pointer: URL { directory.state.appendingPathComponent("current") }
    private var files: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: directory.state.path).sorted() } }

    @Test func savesAndLoads() throws {
        defer { try? FileManager.default.removeItem(at: directory.root) }
        #expect(try RunState.load(directory) == nil)
        try save(3, value: 1.5)
        try save(6, value: -1)
        let state = try #require(try RunState.load(directory))
        #expect(state.counters.updates == 6)
        #expect(state.policy["w"]?.values() == [-1, 2])
        #expect(Set(state.optimiser.keys) == ["first_moment.w", "second_moment.w", "step.w"])
        #expect(try files == ["00000006.safetensors", "current"], "the old one goes when the new one stands")
    }

    @Test func theOldStateStandsUntilThePointerMoves() throws {
        defer { try? FileManager.default.removeItem(at: directory.root) }
        try save(3, value: 1)
        // What a kill leaves: while the new file is written, when it is written, and while the pointer is.
        try Data("half".utf8).write(to: directory.state.appendingPathComponent(".partial-aa"))
        #expect(try RunState.load(directory)?.counters.updates == 3)
        try Data("not yet pointed to".utf8).write(to: directory.state.appendingPathComponent("00000006.safetensors"))
        #expect(try RunState.load(directory)?.counters.updates == 3)
        try Data("0000".utf8).write(to: directory.state.appendingPathComponent(".partial-bb"))
        #expect(try RunState.load(directory)?.counters.updates == 3)
        try save(6, value: 2)
        #expect(try RunState.load(directory)?.counters.updates == 6)
        #expect(try files == ["00000006.safetensors", "current"])
    }

    @Test func damageIsNamed() throws {
        defer { try? FileManager.default.removeItem(at: directory.root) }
        func expectRefusal(_ words: String...) {
            #expect { try RunState.load(directory) } throws: { error in words.allSatisfy { "\(error)".contains($0) } }
        }
        try save(3, value: 1)
        let file = directory.state.appendingPathComponent("00000003.safetensors")
        let whole = try Data(contentsOf: file)
        try whole.prefix(whole.count - 4).write(to: file)
        expectRefusal("cut short", "00000003.safetensors")
        try Data().write(to: file)
        expectRefusal("is empty", "00000003.safetensors")
        try FileManager.default.removeItem(at: file)
        expectRefusal("00000003.safetensors")
        try SafeTensors.write(["policy.w": Tensor([Float(1)])], to: file)
        expectRefusal("00000003.safetensors", "no counters")
        try Data().write(to: pointer)
        expectRefusal("current", "no file beside it")
        try Data("../elsewhere\n".utf8).write(to: pointer)
        expectRefusal("../elsewhere", "no file beside it")
    }
}

@Suite struct RunLogTests {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("run-log-\(UUID().uuidString).jsonl")

    private func text() throws -> String { try String(contentsOf: file, encoding: .utf8) }

    private func lines(_ updates: ClosedRange<Int>) -> String { updates.map { "{\"update\":\($0)}\n" }.joined() }

    private func give(_ text: String) throws { try text.write(to: file, atomically: true, encoding: .utf8) }

    @Test func appendsOneLineAnUpdate() throws {
        defer { try? FileManager.default.removeItem(at: file) }
        let log = try RunLog.open(file, continuingAfter: 0)
        for update in 1...3 { try log.append(LoggedUpdate(update: update)) }
        #expect(try text() == lines(1...3))
    }

    @Test func linesBeyondTheStateAreCutOff() throws {
        defer { try? FileManager.default.removeItem(at: file) }
        try give(lines(1...5))
        let log = try RunLog.open(file, continuingAfter: 3)
        try log.append(LoggedUpdate(update: 4))
        #expect(try text() == lines(1...4))
    }

    @Test(arguments: ["{\"upda", "{\"update\":4", "{\"update\":4}", "\n", "\u{0}\u{0}\u{0}"]) func aTornLastLineIsDropped(_ torn: String) throws {
        defer { try? FileManager.default.removeItem(at: file) }
        try give(lines(1...3) + torn)
        let log = try RunLog.open(file, continuingAfter: 3)
        try log.append(LoggedUpdate(update: 4))
        #expect(try text() == lines(1...4))
    }

    @Test func aLogShorterThanTheStateIsRefused() throws {
        defer { try? FileManager.default.removeItem(at: file) }
        for damaged in [lines(1...2), lines(1...2) + "garbage\n" + lines(3...4), ""] {
            try give(damaged)
            #expect { try RunLog.open(file, continuingAfter: 4) } throws: { "\($0)".contains(file.path) && "\($0)".contains("the saved state is at 4") }
        }
    }

    @Test func aLogWithAHoleOrARepetitionIsRefused() throws {
        defer { try? FileManager.default.removeItem(at: file) }
        for damaged in [lines(1...2) + lines(4...4), lines(1...2) + lines(2...4)] {
            try give(damaged)
            #expect(throws: RunError.self) { try RunLog.open(file, continuingAfter: 4) }
        }
    }

    @Test func aRunFromItsBeginningClearsTheLog() throws {
        defer { try? FileManager.default.removeItem(at: file) }
        try give(lines(1...5))
        _ = try RunLog.open(file, continuingAfter: 0)
        #expect(try text() == "")
    }
}
