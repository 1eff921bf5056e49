import Foundation
import TestFiles
import Testing

/// `Scripts/setup` on a machine that lacks the system's packages.
@Suite struct SetUpTests {
    private let folder = TemporaryFolder()
    private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Scripts/setup").standardizedFileURL

    /// Programs that the script may call, and no others: no pkg-config, a Swift that only tells its version, an apt-get that only notes that it was called.
    private func run(_ environment: [String: String]) throws -> (status: Int32, errors: String, called: [String]) {
        let (tools, project) = (folder.url("tools"), folder.url("project"))
        for place in [tools, project.appendingPathComponent("Scripts")] {
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        }
        for name in ["bash", "basename", "cat", "dirname", "env", "grep", "head", "id", "sed", "uname"] {
            guard let real = ["/usr/bin/", "/bin/"].map({ $0 + name }).first(where: FileManager.default.isExecutableFile) else { continue }
            try? FileManager.default.createSymbolicLink(atPath: tools.path + "/" + name, withDestinationPath: real)
        }
        let calls = folder.url("calls")
        try stub("swift", "echo 'Swift version 6.1 (swift-6.1-RELEASE)'", in: tools)
        try stub("apt-get", "echo \"$*\" >> '\(calls.path)'; exit 1", in: tools)
        try stub("sudo", "exit 1", in: tools)
        let copy = project.appendingPathComponent("Scripts/setup")
        try? FileManager.default.copyItem(at: Self.script, to: copy)

        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [copy.path]
        process.environment = ["PATH": tools.path].merging(environment) { $1 }
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let called = (try? String(contentsOf: calls, encoding: .utf8))?.split(separator: "\n").map(String.init) ?? []
        return (process.terminationStatus, text, called)
    }

    private func stub(_ name: String, _ body: String, in folder: URL) throws {
        let url = folder.appendingPathComponent(name)
        try Data("#!/bin/bash\n\(body)\n".utf8).write(to: url)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: url.path)
    }

    @Test(.enabled(if: getuid() == 0, "an apt-get without sudo is root's"))
    func installsWhatIsMissing() throws {
        #if os(Linux)
            let outcome = try run([:])
            #expect(outcome.status == 1)
            #expect(outcome.called.contains { $0.contains("install -y pkg-config libjpeg-dev") })
        #endif
    }

    @Test func installsNothingWhereThatIsForbidden() throws {
        #if os(Linux)
            let outcome = try run(["SETUP_INSTALL": "no"])
            #expect(outcome.status == 1)
            #expect(outcome.called.isEmpty)
            #expect(outcome.errors.contains("SETUP_INSTALL=no forbids"))
            #expect(outcome.errors.contains("apt-get install -y pkg-config libjpeg-dev libpng-dev libwebp-dev libavformat-dev"))
        #endif
    }
}
