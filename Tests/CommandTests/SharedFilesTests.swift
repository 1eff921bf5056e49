import Foundation
import TestFiles
import Testing

/// What a run writes to be shown or passed on does not tell in which folders it was made.
@Suite struct SharedFilesTests {
    private let folder = TemporaryFolder()

    /// Files under a folder that hold a text, relative to it.
    private func files(in root: URL, holding text: String) throws -> [String] {
        let names = try #require(FileManager.default.enumerator(atPath: root.path)).compactMap { $0 as? String }
        return try names.sorted().filter { name in
            var isFolder: ObjCBool = false
            let url = root.appendingPathComponent(name)
            guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), !isFolder.boolValue else { return false }
            return try Data(contentsOf: url).range(of: Data(text.utf8)) != nil
        }
    }

    @Test func noFileNamesTheFolders() throws {
        let home = folder.url("home-of-somebody")
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
        for (from, to) in [(Materials.winners, "liked"), (URL(fileURLWithPath: Materials.model), "base")] {
            try FileManager.default.copyItem(at: from, to: home.appendingPathComponent(to))
        }
        let run = home.appendingPathComponent("run")
        var arguments = Materials.align(run, winners: home.appendingPathComponent("liked"), iterations: 1)
        arguments[2] = home.appendingPathComponent("base").path
        let answer = try Seppo.run(arguments + ["--lora", "2", "--cache", home.appendingPathComponent("cache").path])
        try #require(answer.code == 0, "\(answer.error)")
        let sheet = home.appendingPathComponent("sheet.html")
        #expect(try Seppo.run("data", "sheet", home.appendingPathComponent("liked").path, "--output", sheet.path, "--resolution", "32").code == 0)

        let telling = try files(in: home, holding: "home-of-somebody").filter { !$0.hasPrefix("run/state") && $0 != "run/run.yaml" }
        #expect(telling.isEmpty, "\(telling)")
        #expect(try files(in: home, holding: "home-of-somebody").contains("run/run.yaml"), "nothing is found at all")
        let report = try String(contentsOf: run.appendingPathComponent("report.html"), encoding: .utf8)
        #expect(report.contains("…/liked") && report.contains("…/base") && report.contains("…/cache"))
        #expect(try files(in: run, holding: "…/liked").contains { $0.hasPrefix("tensorboard") })
    }
}
