import Experiments
import Foundation
import TestFiles
import Testing

/// The cache of encoded winners: killed in the middle, shared by processes, shown and cleared.
@Suite(.serialized) struct CacheTests {
    /// A run that wants every one of so many winners, with losers, and hardly trains.
    private func arguments(_ run: URL, winners: URL, count: Int, _ others: String...) -> [String] {
        Materials.align(run, winners: winners, iterations: 1, updates: count / 10, batch: 10)
            + ["--method", "dpo", "--save-every", "1000", "--limit", "\(count)"] + others
    }

    private func scenes(_ count: Int, in folder: TemporaryFolder) throws -> URL {
        let url = folder.url("scenes")
        try SceneFolder.write(SceneCorpus(quality: .good, split: .train, count: count, seed: 9), to: url)
        return url
    }

    /// Which files there are: one that is written again gets another number from the file system.
    private func files(_ cache: URL) -> [String: UInt64] {
        let all = FileManager.default.enumerator(at: cache, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        let whole = all.filter { $0.pathExtension == "safetensors" }
        return Dictionary(
            uniqueKeysWithValues: whole.compactMap { file in
                let number = try? FileManager.default.attributesOfItem(atPath: file.path)[.systemFileNumber] as? UInt64
                return number.map { (file.path, $0) }
            })
    }

    @Test func whatAKilledProcessEncodedIsNotEncodedAnew() throws {
        let folder = TemporaryFolder()
        let winners = try scenes(40, in: folder)
        let (killed, whole) = (folder.url("killed"), folder.url("whole"))
        let cache = killed.appendingPathComponent("cache")
        var before: [String: UInt64] = [:]
        for target in [5, 20, 35] {
            let run = try Seppo(arguments(killed, winners: winners, count: 40, "--resume"))
            try #require(run.waits { files(cache).count >= target }, "killed too late")
            run.kill()
            #expect(try run.answer().code == 128 + SIGKILL)
            let now = files(cache)
            #expect(now.count >= target && before.allSatisfy { now[$0.key] == $0.value })
            before = now
        }
        #expect(before.count < 80 && RunFiles(killed).updatesLogged < 4)
        // A file that the kill could not leave like this, and one that it could.
        let damaged = try #require(before.keys.filter { $0.contains("/latents/") }.min())
        try Data(contentsOf: URL(fileURLWithPath: damaged)).prefix(200).write(to: URL(fileURLWithPath: damaged))
        try Data("half".utf8).write(to: URL(fileURLWithPath: damaged).deletingLastPathComponent().appendingPathComponent(".partial-1f"))

        let resumed = try Seppo.run(arguments(killed, winners: winners, count: 40, "--resume"))
        #expect(resumed.code == 0, "\(resumed.error)")
        let after = files(cache)
        // Forty winners and their losers, and their captions beside the empty one.
        #expect(after.count { $0.key.contains("/latents/") } == 80)
        #expect(before.filter { after[$0.key] != $0.value }.map(\.key) == [damaged])
        let uninterrupted = try Seppo.run(arguments(whole, winners: winners, count: 40))
        #expect(uninterrupted.code == 0, "\(uninterrupted.error)")
        #expect(try RunFiles(killed).log() == RunFiles(whole).log())
        #expect(try RunFiles(killed).weights() == RunFiles(whole).weights())
    }

    @Test func processesFillOneCacheAtTheSameTime() throws {
        let folder = TemporaryFolder()
        let winners = try scenes(30, in: folder)
        let shared = folder.url("shared")
        let runs = try (0..<3).map { number in
            try Seppo(arguments(folder.url("run-\(number)"), winners: winners, count: 30, "--cache", shared.path))
        }
        for run in runs {
            let answer = try run.answer()
            #expect(answer.code == 0, "\(answer.error)")
        }
        let own = try Seppo.run(arguments(folder.url("own"), winners: winners, count: 30))
        #expect(own.code == 0, "\(own.error)")
        for number in 0..<3 {
            let run = folder.url("run-\(number)")
            #expect(!FileManager.default.fileExists(atPath: run.appendingPathComponent("cache").path))
            #expect(try RunFiles(run).log() == RunFiles(folder.url("own")).log())
            #expect(try RunFiles(run).weights() == RunFiles(folder.url("own")).weights())
        }
        let names = { (url: URL) in Set(files(url).keys.map { String($0.dropFirst(url.path.count)) }) }
        #expect(names(shared) == names(folder.url("own/cache")))
    }

    @Test func showsAndClears() throws {
        let folder = TemporaryFolder()
        let cache = folder.url("cache")
        let run = try Seppo.run(Materials.align(folder.url("run"), iterations: 1, updates: 3, batch: 4, "--cache", cache.path))
        #expect(run.code == 0, "\(run.error)")
        _ = try folder.write("mine", to: "cache/notes.txt")
        func held(_ key: String = "held", _ arguments: String...) throws -> [String: [String: Int]] {
            let answer = try Seppo.run(["cache", cache.path, "--json"] + arguments)
            #expect(answer.code == 0, "\(answer.error)")
            return try #require(answer.json?[key] as? [String: [String: Int]])
        }
        let all = try held()
        #expect(all["latents"]?["files"] == 12 && all["states"]?["files"] ?? 0 > 1)
        let bytes = try files(cache).keys.map { try Data(contentsOf: URL(fileURLWithPath: $0)).count }
        #expect(all["latents"]!["bytes"]! + all["states"]!["bytes"]! == bytes.reduce(0, +))
        #expect(try Seppo.run("cache", cache.path).out.contains("latents of 12 images"))

        // Half of it was last used ten days ago.
        let old = files(cache).keys.sorted().prefix(6)
        for path in old { #expect(setLastUse(path, daysAgo: 10)) }
        #expect(try held("removed", "--clear", "--older-than", "11").values.allSatisfy { $0["files"] == 0 })
        let removed = try held("removed", "--clear", "--older-than", "9")
        #expect(removed.values.reduce(0) { $0 + $1["files"]! } == 6)
        #expect(old.allSatisfy { !FileManager.default.fileExists(atPath: $0) } && files(cache).count == bytes.count - 6)
        #expect(try held("held", "--clear").values.allSatisfy { $0 == ["files": 0, "bytes": 0] })
        #expect(files(cache).isEmpty && FileManager.default.fileExists(atPath: folder.url("cache/notes.txt").path))

        #expect(try Seppo.run("cache", cache.path, "--older-than", "3").code == 64)
        let none = try Seppo.run("cache", folder.url("nowhere").path)
        #expect(none.code == 1 && none.error.contains("nowhere: holds no encoded winners"))
    }

    private func setLastUse(_ path: String, daysAgo days: Int) -> Bool {
        let moment = timeval(tv_sec: time(nil) - days * 86400, tv_usec: 0)
        return utimes(path, [moment, moment]) == 0
    }
}
