import Foundation
import TestFiles
import Testing

/// A terminal that hangs up, and clocks that stand still or jump.
@Suite struct ClockTests {
    private let folder = TemporaryFolder()

    /// Stands before the system's clocks: `still` stops them all, `jumps` throws the time of day forth and back.
    private static let source = """
        #define _GNU_SOURCE
        #include <stdlib.h>
        #include <string.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>
        static long calls;
        static int told(clockid_t id, struct timespec *now) {
            long result = syscall(SYS_clock_gettime, id, now);
            const char *mode = getenv("CLOCK");
            if (mode && !strcmp(mode, "still")) { now->tv_sec = 1700000000; now->tv_nsec = 0; }
            if (mode && !strcmp(mode, "jumps") && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
                now->tv_sec += (__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) % 2 ? -1 : 1) * 100000000;
            return (int)result;
        }
        int clock_gettime(clockid_t id, struct timespec *now) { return told(id, now); }
        int gettimeofday(struct timeval *now, void *zone) {
            struct timespec precise;
            told(CLOCK_REALTIME, &precise);
            now->tv_sec = precise.tv_sec;
            now->tv_usec = precise.tv_nsec / 1000;
            return 0;
        }
        time_t time(time_t *result) {
            struct timespec precise;
            told(CLOCK_REALTIME, &precise);
            if (result) *result = precise.tv_sec;
            return precise.tv_sec;
        }
        """

    private static let compiler = ["/usr/bin/cc", "/usr/bin/clang", "/opt/swift/usr/bin/clang"].first { FileManager.default.isExecutableFile(atPath: $0) }

    private func shim() throws -> String {
        let source = try folder.write(Self.source, to: "clock.c")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.compiler))
        process.arguments = ["-shared", "-fPIC", "-O1", "-o", folder.url("clock.so").path, source]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return folder.url("clock.so").path
    }

    #if os(Linux)
        @Test(.enabled(if: compiler != nil, "needs a C compiler"), arguments: ["still", "jumps"]) func aClockIsHarmless(_ mode: String) throws {
            let (whole, run) = (folder.url("whole"), folder.url("run"))
            #expect(try Seppo.run(Materials.align(whole)).code == 0)
            let answer = try Seppo.run(Materials.align(run), by: ["/usr/bin/env", "LD_PRELOAD=\(try shim())", "CLOCK=\(mode)"])
            #expect(answer.code == 0, "\(answer.error)")
            #expect(try RunFiles(run).log() == RunFiles(whole).log())
            #expect(try RunFiles(run).weights() == RunFiles(whole).weights())
            let text = try String(contentsOf: run.appendingPathComponent("log.jsonl"), encoding: .utf8)
            for line in text.split(separator: "\n") {
                let entry = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                for name in ["sample_s", "update_s"] { #expect((try #require(entry[name] as? Double)) >= 0 && (entry[name] as? Double)! < 1000, "\(line)") }
                #expect(mode == "jumps" ? entry["examples_per_s"] is Double : entry["examples_per_s"] == nil, "\(line)")
            }
        }
    #endif

    /// Saved as at SIGTERM; a second one, which a closing terminal may send, does not end it before.
    @Test func aHangUpSaves() throws {
        let output = folder.url("run")
        let arguments = Materials.align(output, iterations: 1, updates: 200, "--save-every", "1000", "--validation-prompts", "0")
        let run = try Seppo(arguments)
        try #require(run.waits { RunFiles(output).updatesLogged >= 2 })
        kill(run.process.processIdentifier, SIGHUP)
        kill(run.process.processIdentifier, SIGHUP)
        usleep(1000)
        kill(run.process.processIdentifier, SIGHUP)
        let stopped = try run.answer()
        #expect(stopped.code == 128 + SIGHUP, "\(stopped.error)")
        #expect(stopped.error.contains("is saved"))
        let name = try String(contentsOf: output.appendingPathComponent("state/current"), encoding: .utf8)
        #expect(Int(name.prefix { $0.isNumber }) == RunFiles(output).updatesLogged)
    }

    @Test func underNohupItIsIgnored() throws {
        let output = folder.url("run")
        let run = try Seppo(Materials.align(output, iterations: 1, updates: 12), by: ["/usr/bin/nohup"])
        try #require(run.waits { RunFiles(output).updatesLogged >= 2 })
        kill(run.process.processIdentifier, SIGHUP)
        let answer = try run.answer()
        #expect(answer.code == 0, "\(answer.error)")
        #expect(RunFiles(output).updatesLogged == 12)
    }
}
