import Foundation
import TestFiles
import Testing

@testable import Alignment
@testable import Storage

/// The declarations of settings, and what is read from them.
@Suite struct SettingsTests {
    private let settings = AlignmentSettings(model: "m", winners: "w")

    @Test func everySettingIsDeclaredOnce() throws {
        let names = AlignmentSettings.all.map(\.name)
        #expect(Set(names).count == names.count && Set(AlignmentSettings.all.map(\.location)).count == names.count)
        // Every stored value of every group has a declaration.
        let stored = Mirror(reflecting: settings).children.reduce(0) { $0 + Mirror(reflecting: $1.value).children.count }
        #expect(stored == names.count)
    }

    @Test func recordsAreReadBack() throws {
        var settings = settings
        (settings.objective.flip, settings.adapters.alpha, settings.model.prediction) = (.sign, 3, .velocity)
        (settings.adapters.targets, settings.run.seed, settings.optimisation.learningRate) = ([.feedForward, .attention], 1 << 52, 1e-7)
        let read = try AlignmentSettings(fields: AlignmentSettings.fields(yaml: settings.yaml()))
        #expect(read == settings)
        #expect(try AlignmentSettings(fields: self.settings.fields()) != settings, "the twin with other settings")
        for (key, value) in [("beta", JSONValue.string("much")), ("method", .string("ppo")), ("batch", .number(1.5)), ("flip_images", .number(3))] {
            #expect(throws: (any Error).self, "\(key)") { try AlignmentSettings(fields: [key: value]) }
        }
    }

    /// A run of a program that had fewer settings, and one of a program that has more.
    @Test func olderRunsHadTheDefaultsOfTheirTime() throws {
        let folder = TemporaryFolder()
        let directory = RunDirectory(folder.url)
        let old = "model: m\nwinners: w\niterations: 7\nupdates: 30\nbatch: 16\nseed: 0\n"
        func recorded(_ text: String) throws -> [String: JSONValue] {
            try text.write(to: directory.configuration, atomically: true, encoding: .utf8)
            return try #require(try AlignmentSettings.recorded(in: directory))
        }
        func changes(_ settings: AlignmentSettings, since text: String = "") throws -> [String] {
            do {
                try settings.refuseChanges(from: recorded(old + text))
                return []
            } catch RunError.differs(let changes) {
                return changes
            }
        }
        // It held nothing out, and wrote no prediction type down.
        #expect(try changes(settings) == ["held_out: was 0, now 0.05"])
        var same = settings
        (same.validation.heldOut, same.model.prediction) = (0, .velocity)
        #expect(try changes(same).isEmpty)
        #expect(try changes(same, since: "prediction: epsilon\n") == [#"prediction: was "epsilon", now "v_prediction""#])
        #expect(try changes(same, since: "invention: 3\n") == ["invention: was 3, now not set"])
        (same.run.saveEvery, same.run.cache, same.validation.prompts, same.adapters.names) = (3, "c", 9, .diffusers)
        #expect(try changes(same).isEmpty, "none of these changes a number")
        (same.objective.beta, same.model.vae) = (3, "v")
        #expect(try changes(same) == ["beta: was 2000, now 3", #"vae: was not set, now "v""#])
        #expect(throws: RunError.self) { try recorded(old.replacingOccurrences(of: "batch: 16\n", with: "")) }
    }

    /// The error names the setting, its value and what it must be.
    @Test func valuesOutOfRangeAreNamed() {
        func message(_ change: (inout AlignmentSettings) -> Void) -> String? {
            var changed = settings
            change(&changed)
            do { try changed.validate() } catch { return "\(error)" }
            return nil
        }
        #expect(message { _ in } == nil)
        #expect(message { $0.optimisation.batch = 0 } == "batch is 0: it must lie between 1 and 1000000")
        #expect(message { $0.objective.beta = .nan } == "beta is nan: it must be positive and finite")
        #expect(message { ($0.adapters.rank, $0.adapters.alpha) = (2, -1) } == "lora-alpha is -1.0: it must be above 0 and at most 1000000")
        #expect(message { ($0.adapters.rank, $0.adapters.alpha) = (2, 1) } == nil)
        #expect(message { $0.optimisation.warmup = 211 } == "warmup is 211: it must lie between 0 and 210, the updates of the run")
        #expect(message { $0.run.seed = 1 << 53 }?.contains("it must be below 2^53") == true)
        #expect(message { $0.data.captionDropout = .nan }?.contains("lie between 0.0 and 1.0") == true)
    }
}
