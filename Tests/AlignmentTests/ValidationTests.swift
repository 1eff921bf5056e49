import Diffusion
import Encoding
import Foundation
import Media
import TestSupport
import Testing
import Torch
import Winners

@testable import Alignment

@Suite struct ValidatorTests {
    let world = try! TinyWorld()

    private func settings(_ change: (inout AlignmentSettings) -> Void = { _ in }) -> AlignmentSettings {
        world.settings { settings in
            (settings.validation.heldOut, settings.validation.prompts, settings.run.saveEvery) = (0.4, 3, 2)
            change(&settings)
        }
    }

    private struct Killed: Error {}

    /// Trains with a validator; `killed` is when it dies, by what it has just done.
    @discardableResult
    private func train(
        _ settings: AlignmentSettings, in name: String, made: (Validation) -> Void = { _ in }, killedAfter killed: Int? = nil
    ) throws -> RunDirectory {
        try withoutActuallyEscaping(made) { made in
            let directory = try world.directory(name)
            let winners = try world.encoded(settings, store: EncodingCache(directory.cache))
            let validator = try Validator.prepare(settings, world.pipeline.denoising, winners, directory) { try ModelFiles(world.model).decoder() }
            validator?.onValidation = made
            defer { validator?.onValidation = { _ in } }
            do {
                try KeptTraining(settings, world.pipeline.denoising, winners, directory, validator).run(stopping: StopSignals([])) {
                    if $0.update == killed { throw Killed() }
                }
            } catch is Killed {}
            return directory
        }
    }

    private func timeless(_ directory: RunDirectory) -> [Validation] {
        directory.validations.map {
            var validation = $0
            validation.seconds = 0
            return validation
        }
    }

    private func pictures(_ directory: RunDirectory) throws -> [[Data]] { (0...2).map { Sample.all(in: directory.samples($0)).map(\.png) } }

    @Test func everyCheckpointIsMeasuredAndDrawsItsSamples() throws {
        let directory = try train(settings(), in: "run")
        let validations = directory.validations
        #expect(validations.map(\.k) == [0, 1, 2] && validations.map(\.update) == [0, 3, 6])
        #expect(validations.allSatisfy { $0.n == 2 && $0.samples == 3 && $0.errors?.count == 2 })
        #expect(Set(validations.map(\.denoisingError)).count == 3, "training changes the error")
        let samples = Sample.all(in: directory.samples(1))
        #expect(samples.map(\.sample.fileName) == ["00.png", "01.png", "02.png"])
        #expect(try WinnerSet.list(directory.samples(1)).winners.map(\.caption) == samples.map(\.sample.text))
        // The held-out captions come first.
        let heldOut = HeldOutSplit(of: try world.encoded(settings()), settings())
        #expect(samples.prefix(2).map(\.sample.text) == heldOut.heldOut.map { TinyWorld.captions[$0] })
        let pictures = try pictures(directory)
        #expect(pictures[0] != pictures[1])
        // An image is the one that `generate` draws for that prompt and seed.
        let base = try world.pipeline.generate(
            [samples[0].sample.text], seeds: [7], settings: SamplingSettings(sampler: .ddim, steps: 2, guidance: 2), batch: 1)
        let drawn = try RGBImage(data: Array(pictures[0][0]))
        #expect(zip(RGBImage(base[0]).pixels, drawn.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    }

    @Test func heldOutWinnersAreNotTrainedOn() throws {
        let settings = settings { $0.validation.prompts = 0 }
        let heldOut = HeldOutSplit(of: try world.encoded(settings), settings)
        let whole = try train(settings, in: "whole")
        // Another picture in the place of a held-out one changes nothing of the weights; in the place of another one it does.
        for (row, changes) in [(heldOut.heldOut[0], false), (heldOut.training[0], true)] {
            let image = world.winners.appendingPathComponent("\(row).png")
            let before = try Data(contentsOf: image)
            try TinyWorld.image(50).writePNG(to: image)
            let other = try train(settings, in: "other \(row)")
            #expect(sameBits(try whole.weights(2), try other.weights(2)) == !changes)
            #expect(timeless(whole)[0] == timeless(other)[0] || !changes)
            try before.write(to: image)
        }
    }

    @Test func resumedRunsMakeWhatIsMissingAndNothingTwice() throws {
        let straight = try train(settings(), in: "straight")
        let directory = try train(settings(), in: "killed", killedAfter: 4)
        #expect(directory.validations.map(\.k) == [0, 1])
        // As if the process had died while the second was written, and a state beyond it had been saved.
        let lines = try Data(contentsOf: directory.validation)
        try lines.dropLast(20).write(to: directory.validation)
        var made: [Int] = []
        try train(settings(), in: "killed", made: { made.append($0.k) })
        #expect(made == [1, 2])
        #expect(timeless(directory) == timeless(straight))
        #expect(try pictures(directory) == pictures(straight))
        made = []
        try train(settings(), in: "killed", made: { made.append($0.k) })
        #expect(made.isEmpty)
        // The twin: with the checkpoint of another iteration in its place the numbers would be others.
        #expect(timeless(straight)[1].errors != timeless(straight)[2].errors)
    }

    /// As the rule was before pictures counted: what was measured then would be trained on now.
    @Test func aRunThatHeldOutOthersIsRefused() throws {
        let directory = try train(settings(), in: "run", killedAfter: 4)
        let recorded = try Data(contentsOf: directory.heldOut)
        let others = HeldOutSplit(of: try world.encoded(settings()), settings()).training.prefix(2)
        let lines = others.map { #"{"caption":"\#(TinyWorld.captions[$0])","row":\#($0)}"# + "\n" }
        for changed in [Data(lines.joined().utf8), recorded.dropLast(5), Data()] {
            try changed.write(to: directory.heldOut)
            let error = #expect(throws: RunError.self) { try train(settings(), in: "run") }
            #expect("\(try #require(error))".contains("winners held out: \(directory.heldOut.path)"))
            #expect(try Data(contentsOf: directory.heldOut) == changed, "the record stays")
        }
        try recorded.write(to: directory.heldOut)
        #expect(try timeless(train(settings(), in: "run")) == timeless(train(settings(), in: "straight")))
    }

    @Test func withoutThemNothingIsWritten() throws {
        let directory = try train(settings { ($0.validation.heldOut, $0.validation.prompts) = (0, 0) }, in: "run")
        for file in [directory.validation, directory.heldOut, directory.samples(0)] { #expect(!FileManager.default.fileExists(atPath: file.path)) }
        let onlySamples = try train(settings { $0.validation.heldOut = 0 }, in: "samples")
        #expect(onlySamples.validations.allSatisfy { $0.denoisingError == nil && $0.n == 0 && $0.samples == 3 })
    }

    @Test func validationLeavesTheWeightsAsTheyAre() throws {
        let settings = settings { $0.validation.heldOut = 0 }
        let validated = try train(settings, in: "validated")
        let plain = try world.train(settings, in: "plain")
        #expect(sameBits(try validated.weights(2), try plain.weights(2)))
        #expect(try validated.timelessEntries() == plain.timelessEntries())
    }
}
