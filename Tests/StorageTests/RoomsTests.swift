import Foundation
import TestFiles
import Testing

/// The plan of the house: each room uses only rooms before it, and the data wing none of the tensor wing. See Documentation/Architecture.md.
@Suite struct RoomsTests {
    /// What each room may import of ours.
    private static let plan: [String: Set<String>] = {
        var plan: [String: Set<String>] = ["Storage": []]
        func add(_ room: String, over rooms: String...) {
            plan[room] = rooms.reduce(into: Set(rooms)) { all, room in all.formUnion(plan[room]!) }
        }
        add("Pages", over: "Storage")
        add("Tokenizers", over: "Storage")
        add("Media", over: "Storage")
        add("Winners", over: "Media", "Tokenizers", "Pages")
        add("Commands", over: "Winners")
        add("seppo", over: "Commands")
        add("Torch", over: "Storage")
        add("Layers", over: "Torch")
        add("Networks", over: "Layers")
        add("Diffusion", over: "Networks", "Tokenizers")
        add("Encoding", over: "Winners", "Diffusion")
        add("Alignment", over: "Encoding")
        add("Scoring", over: "Alignment")
        add("Reports", over: "Scoring", "Pages")
        add("Experiments", over: "Reports")
        add("seppo-engine", over: "Experiments", "Commands")
        return plan
    }()

    private static let sources = Fixture.folder.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Sources")

    /// The modules that a source file imports.
    private static func imports(_ text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            line.firstMatch(of: /^(?:@?\w+(?:\([^)]*\))? +)*import +(?:(?:struct|class|enum|protocol|func|var|let|typealias) +)?(\w+)/).map { String($0.1) }
        }
    }

    /// Imports of rooms that `room` may not use.
    private static func trespasses(_ room: String, _ text: String) -> [String] {
        imports(text).filter { plan[$0] != nil && $0 != room && !plan[room, default: []].contains($0) }
    }

    private static func files(_ room: String) throws -> [URL] {
        let found = FileManager.default.enumerator(at: sources.appendingPathComponent(room), includingPropertiesForKeys: nil)
        return try #require(found).compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
    }

    @Test(arguments: plan.keys.sorted()) func noRoomUsesOneAboveIt(_ room: String) throws {
        let files = try Self.files(room)
        #expect(!files.isEmpty)
        for file in files {
            #expect(Self.trespasses(room, try String(contentsOf: file, encoding: .utf8)) == [], "\(file.path)")
        }
    }

    @Test func anImportFromAboveIsSeen() {
        #expect(Self.trespasses("Media", "import Foundation\n@testable import Winners\n") == ["Winners"])
        #expect(Self.trespasses("Winners", "import struct Torch.Tensor\n") == ["Torch"])
        #expect(Self.trespasses("Alignment", "import Reports\nimport Encoding\n") == ["Reports"])
    }

    /// Modules that are no Swift stand below all rooms.
    @Test func everyRoomIsInThePlan() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.sources.path)
        let rooms = try folders.filter { try !$0.hasPrefix(".") && !Self.files($0).isEmpty }
        #expect(Set(rooms) == Set(Self.plan.keys))
    }
}
