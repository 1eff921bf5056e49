import Foundation
import Testing

@testable import Alignment

@Suite struct CRC32CTests {
    /// RFC 3720, appendix B.4, as the checksums stand in memory there: the least significant byte first.
    @Test(
        arguments: [
            (Array(repeating: 0, count: 32), [0xaa, 0x36, 0x91, 0x8a]),
            (Array(repeating: 0xff, count: 32), [0x43, 0xab, 0xa8, 0x62]),
            (Array(0x00...0x1f), [0x4e, 0x79, 0xdd, 0x46]),
            (Array((0x00...0x1f).reversed()), [0x5c, 0xdb, 0x3f, 0x11]),
            (
                [0x01, 0xc0] + Array(repeating: 0, count: 14) + [0x14, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28] + Array(repeating: 0, count: 7)
                    + [0x02] + Array(repeating: 0, count: 7), [0x56, 0x3a, 0x96, 0xd9]
            ),
        ] as [([UInt8], [UInt8])])
    func testVectors(bytes: [UInt8], expected: [UInt8]) {
        #expect(CRC32C.checksum(bytes) == UInt32(expected.littleEndian()))
        #expect(CRC32C.checksum(bytes.dropLast()) != UInt32(expected.littleEndian()))
    }
}

@Suite struct WireMessageTests {
    @Test(arguments: [0, 1, 127, 128, 300, 1 << 35, .max] as [UInt64]) func integersComeBack(_ value: UInt64) throws {
        var message = WireMessage()
        message.append(7, integer: value)
        var reader = WireReader(message.bytes[...])
        let field = try #require(try reader.next())
        guard case .integer(let found) = field.value else { Issue.record("another kind"); return }
        #expect(field.field == 7 && found == value)
        #expect(try reader.next() == nil)
    }

    /// "Encoding" at protobuf.dev: 150 in field 1 is 08 96 01, "testing" in field 2 is 12 07 74 65 …
    @Test func publishedExamples() {
        var message = WireMessage()
        message.append(1, integer: 150)
        message.append(2, "testing")
        #expect(message.bytes == [0x08, 0x96, 0x01, 0x12, 0x07] + Array("testing".utf8))
    }

    @Test(
        arguments: [
            [0x08], [0x08, 0x80], [0x12, 0x05, 0x61], [0x0d, 0, 0, 0], [0x09, 0, 0], [0x0b], [0x00, 0x01], [0x08] + Array(repeating: 0xff, count: 10),
            [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ] as [[UInt8]]) func damageIsRefused(_ bytes: [UInt8])
    {
        var reader = WireReader(bytes[...])
        #expect(throws: WireReader.Malformed.self) { while try reader.next() != nil {} }
    }
}

@Suite struct EventFileTests {
    private let file = FileManager.default.temporaryDirectory.appendingPathComponent("events-\(UUID().uuidString)/events.out.tfevents.seppo")

    private func scalar(_ step: Int) -> Event { Event(step: step, values: [Event.Value(tag: "a", content: .scalar(Float(step) / 2))]) }

    private func open(continuingAfter step: Int) throws -> (file: EventFile, known: [Event]) {
        var known: [Event] = []
        return (try EventFile(file, continuingAfter: step) { known.append($0) }, known)
    }

    /// The opening record, and one for each of the steps.
    private func write(_ steps: ClosedRange<Int>) throws -> Data {
        let events = try open(continuingAfter: 0).file
        for step in steps { try events.append(scalar(step)) }
        return try Data(contentsOf: file)
    }

    @Test func whatWasWrittenIsReadAndContinued() throws {
        defer { try? FileManager.default.removeItem(at: file.deletingLastPathComponent()) }
        let whole = try write(1...3)
        let (events, known) = try open(continuingAfter: 3)
        #expect(known.dropFirst() == [scalar(1), scalar(2), scalar(3)])
        #expect(try Data(contentsOf: file) == whole)
        try events.append(scalar(4))
        #expect(try open(continuingAfter: 9).known.map(\.step) == [0, 1, 2, 3, 4])
        // Steps that the saved state does not know will be written again.
        #expect(try open(continuingAfter: 2).known.map(\.step) == [0, 1, 2])
        #expect(try open(continuingAfter: 9).known.map(\.step) == [0, 1, 2])
    }

    @Test func aFileTornAnywhereKeepsItsWholeRecords() throws {
        defer { try? FileManager.default.removeItem(at: file.deletingLastPathComponent()) }
        let whole = try write(1...3)
        var counts: Set<Int> = []
        for length in 0..<whole.count {
            try whole.prefix(length).write(to: file)
            let (events, known) = try open(continuingAfter: 3)
            counts.insert(known.count)
            #expect(known.map(\.step) == Array(0..<known.count))
            try events.append(scalar(7))
            let again = try open(continuingAfter: 9).known
            // Where the opening record itself was torn, it was written anew.
            #expect(again.map(\.step) == (known.isEmpty ? [0] : known.map(\.step)) + [7], "cut at \(length)")
        }
        #expect(counts == [0, 1, 2, 3])
    }

    @Test func everyFlippedBitIsNoticed() throws {
        defer { try? FileManager.default.removeItem(at: file.deletingLastPathComponent()) }
        let whole = try write(1...2)
        let places = (0..<whole.count).map { ($0, UInt8(1 << ($0 % 8))) }
        for (place, bit) in places {
            var damaged = whole
            damaged[place] ^= bit
            #expect(EventFile.read(damaged) { _ in true } <= place)
        }
        #expect(EventFile.read(whole) { _ in true } == whole.count)
    }

    @Test func aLengthBeyondTheFileIsDamage() {
        var length = Data(count: 8)
        for count in [UInt64.max, 1 << 63, 1 << 40, 5] {
            length = withUnsafeBytes(of: count.littleEndian) { Data($0) }
            let checksum = withUnsafeBytes(of: CRC32C.masked(length).littleEndian) { Data($0) }
            #expect(EventFile.read(length + checksum + Data(count: 8)) { _ in true } == 0)
        }
    }
}

@Suite struct RunEventsTests {
    let world = try! TinyWorld()

    private func events(_ directory: RunDirectory) throws -> [Event] {
        var events: [Event] = []
        _ = EventFile.read(try Data(contentsOf: directory.events)) { event in
            events.append(event)
            return true
        }
        return events
    }

    private func timeless(_ events: [Event]) -> [Event] {
        let timed = ["train/sample_s", "train/update_s", "train/examples_per_s", "train/peak_mb", "validation/seconds"]
        return events.map { event in Event(step: event.step, values: event.values.filter { !timed.contains($0.tag) }) }
    }

    @Test func aKilledRunNeitherRepeatsNorLosesSteps() throws {
        let settings = world.settings { $0.run.saveEvery = 2 }
        let straight = try world.train(settings, in: "straight")
        let expected = timeless(try events(straight))
        // The opening, the settings, and the updates.
        #expect(expected.map(\.step) == [0, 0] + Array(1...6))
        let killed = try world.train(settings, in: "killed", killedAfter: 5)
        let torn = try Data(contentsOf: killed.events).dropLast(9)
        try torn.write(to: killed.events)
        #expect(timeless(try events(try world.train(settings, in: "killed"))) == expected)

        // What the events lack of the log is made up for; without that they would end early.
        let shortened = try world.train(settings, in: "shortened", killedAfter: 5)
        try Data(contentsOf: shortened.events).prefix(700).write(to: shortened.events)
        let left = try events(shortened).count
        #expect((1...4).contains(left))
        #expect(timeless(try events(try world.train(settings, in: "shortened"))) == expected)
    }

    @Test func everyLoggedNumberIsThere() throws {
        let directory = try world.train(world.settings(), in: "run")
        let event = try #require(try events(directory).last)
        let entry = try #require(try directory.entries().last)
        func scalar(_ tag: String) -> Event.Content? { event.values.first { $0.tag == tag }?.content }
        #expect(scalar("train/loss") == .scalar(Float(try #require(entry.loss))))
        #expect(scalar("train/margin_quantiles/4") == .scalar(Float(try #require(entry.marginQuantiles?[4]))))
        #expect(scalar("train/skipped") == .scalar(0))
        #expect(scalar("train/update") == nil)
    }
}
