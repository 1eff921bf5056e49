import Foundation
import TestFiles
import Testing

/// Standard streams that are closed, full or read by nobody.
@Suite struct StandardStreamTests {
    private let folder = TemporaryFolder()

    /// Starts a command under a shell's redirections.
    private func redirected(_ redirections: String) -> [String] { ["/bin/sh", "-c", "exec \"$@\" \(redirections)", "sh"] }

    /// Every file of a run is what it is elsewhere: no line of the console is in any.
    private func expectClean(_ run: URL, like whole: URL) throws {
        #expect(try RunFiles(run).log() == RunFiles(whole).log())
        #expect(try RunFiles(run).weights() == RunFiles(whole).weights())
        let (files, others) = (try FolderContents(run).files, try FolderContents(whole).files)
        #expect(files.keys.sorted() == others.keys.sorted())
        for name in files.keys where name.hasSuffix(".yaml") || name.hasPrefix("held-out") || name.hasPrefix("samples") {
            #expect(files[name] == others[name], "\(name)")
        }
        for (name, data) in files { #expect(data.range(of: Data("encoding winners".utf8)) == nil, "\(name)") }
    }

    @Test func aTrainingGoesOnWithoutThem() throws {
        let (whole, run) = (folder.url("whole"), folder.url("run"))
        #expect(try Seppo.run(Materials.align(whole)).code == 0)
        for redirections in [">&- 2>&-", "<&- >&- 2>&-", "2>&-", ">/dev/full 2>/dev/full", "2</dev/null"] {
            let answer = try Seppo.run(Materials.align(run), by: redirected(redirections))
            #expect(answer.code == 0, "\(redirections): \(answer.code) \(answer.error)")
            try expectClean(run, like: whole)
            try FileManager.default.removeItem(at: run)
        }
        // A pipe whose reader has gone.
        let code = folder.url("code")
        let piped = ["/bin/sh", "-c", "{ \"$@\" 2>&1; echo $? > \(code.path); } | true", "sh"]
        _ = try Seppo.run(Materials.align(run), by: piped)
        #expect(try String(contentsOf: code, encoding: .utf8) == "0\n")
        try expectClean(run, like: whole)
    }

    @Test(arguments: [">&-", ">/dev/full", "1</dev/null"]) func aResultThatCannotBeWrittenIsAnError(_ redirection: String) throws {
        let set = Materials.winners.path
        for command in [
            ["inspect", set, "--json"], ["inspect", set], ["data", "show", set, "--json"], ["data", "check", set], ["--help"], ["align", "--help"],
            ["evaluate", "--model", "scenes", "--scenes", "--count", "1", "--steps", "1", "--guidance", "1", "--json"],
        ] {
            let answer = try Seppo.run(command, by: redirected(redirection))
            #expect(answer.code == 1 && answer.error.contains("standard output"), "\(command): \(answer.code) \(answer.error)")
            // The twin.
            if command[0] != "evaluate" { #expect(try Seppo.run(command).code == 0) }
        }
    }

    /// What was asked for is a file, and it is there.
    @Test(arguments: [">&-", ">/dev/full"]) func whatWasMadeIsMade(_ redirection: String) throws {
        let answer = try Seppo.run(["scenes", "--count", "2", "--output", folder.url("scenes").path], by: redirected(redirection))
        #expect(answer.code == 0, "\(answer.error)")
        #expect(try FolderContents(folder.url("scenes")).files.count == 5)
    }
}
