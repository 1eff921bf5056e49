import Diffusion
import Foundation
import Layers
import Networks
import TestFiles
import TestSupport
import Testing
import Torch

/// diffusers' networks that draw clips (Tests/Fixtures/generators/motion.py), and ours.
@Suite struct MotionUNetTests {
    struct Run: Sendable, CustomTestStringConvertible {
        let name: String
        let shape: String
        var testDescription: String { "\(name) \(shape)" }
    }

    static let runs = [("mid", "2x8"), ("mid", "1x1"), ("plain", "1x16"), ("plain", "2x1"), ("lists", "2x16"), ("lists", "1x8")].map(Run.init)

    static func part(_ name: String) -> PipelineFolder.Part { .unet(Fixture.folder.appendingPathComponent("motion/\(name)")) }

    static func tensors(_ name: String) throws -> [String: Tensor] { try Fixture.tensors("motion/\(name)/case.safetensors") }

    private func answer(_ unet: UNet, _ run: Run) throws -> Tensor {
        let tensors = try Self.tensors(run.name)
        func input(_ name: String) -> Tensor { tensors["\(run.shape).\(name)"]! }
        return unet(input("sample"), timesteps: input("timestep"), context: input("encoder_hidden_states"))
    }

    private func answer(_ run: Run, change: (inout UNetConfiguration) -> Void = { _ in }) throws -> Tensor {
        var configuration = try UNetConfiguration(Self.part(run.name).configuration)
        change(&configuration)
        return try answer(try Self.part(run.name).store().build { UNet($0, configuration) }, run)
    }

    @Test(arguments: runs) func theOutputIsThatOfDiffusers(_ run: Run) throws {
        let difference = largestDifference(try answer(run), try Self.tensors(run.name)["\(run.shape).output"]!)
        print("motion \(run): \(difference)")
        #expect(difference <= 1e-5)
    }

    /// The twins that a configuration cannot spoil: diffusers' answer with one thing wrong is not ours.
    @Test(arguments: [runs[0], runs[2], runs[4]], ["positions_once", "normalised_by_frame"])
    func aWrongDetailOfDiffusersShows(_ run: Run, _ detail: String) throws {
        #expect(largestDifference(try answer(run), try Self.tensors(run.name)["\(run.shape).wrong.\(detail)"]!) > 1e-2)
    }

    struct Spoiled: Sendable, CustomTestStringConvertible {
        let detail: String
        let spoil: @Sendable (inout UNetConfiguration) -> Void
        var testDescription: String { detail }
    }

    @Test(arguments: [
        Spoiled(detail: "one head over frames") { $0.motion!.heads = [1, 1] }, Spoiled(detail: "groups") { $0.groups = 1 },
        Spoiled(detail: "heads over pixels") { $0.heads = [1, 1] },
    ])
    func aWrongDetailShows(_ spoiled: Spoiled) throws {
        let run = Run(name: "mid", shape: "2x8")
        #expect(largestDifference(try answer(run, change: spoiled.spoil), try Self.tensors("mid")["2x8.output"]!) > 1e-3)
    }

    @Test(arguments: [false, true]) func gradientsAreThoseOfDiffusers(recomputes: Bool) throws {
        let run = Run(name: "mid", shape: "2x8")
        let store = try Self.part("mid").store(isTrainable: true)
        let configuration = try UNetConfiguration(Self.part("mid").configuration)
        var unet = try store.build { UNet($0, configuration) }
        unet.recomputesBlocks = recomputes
        let loss = try withGradients { try answer(unet, run).squared.mean() }
        loss.backward()
        let expected = try Self.tensors("mid").filter { $0.key.hasPrefix("gradient.") }
        let found = Dictionary(uniqueKeysWithValues: store.parameters.map { ($0.name, $0.value.gradient) })
        #expect(expected.count == 26 * 7)
        for (key, gradient) in expected {
            let own = try #require(found[String(key.dropFirst("gradient.".count))] ?? nil, "\(key)")
            #expect(relativeDifference([key: own], [key: gradient]) <= 1e-4, "\(key)")
        }
        for (name, value) in store.parameters { #expect((value.gradient == nil) == name.hasSuffix(".pe"), "\(name)") }
        #expect(store.trained.count == store.parameters.count - 7)
    }

    /// New modules change nothing: each frame is the image model's answer.
    @Test func newModulesAreTheImageModel() throws {
        let run = Run(name: "mid", shape: "2x8")
        let configuration = try UNetConfiguration(Self.part("mid").configuration)
        let fixture = try Self.part("mid").store()
        _ = try fixture.build { UNet($0, configuration) }
        let image = fixture.tensors.filter { !MotionConfiguration.owns($0.key) }
        let new = ParameterStore(seed: 5)
        _ = try new.build { UNet($0, configuration) }
        let motion = new.tensors.filter { MotionConfiguration.owns($0.key) }
        for (name, tensor) in motion where name.hasSuffix(".pe") { #expect(largestDifference(tensor, fixture.tensors[name]!) <= 1e-6) }
        let moving = try answer(ParameterStore(image.merging(motion) { $1 }).build { UNet($0, configuration) }, run)
        var still = configuration
        still.motion = nil
        let unet = try ParameterStore(image).build { UNet($0, still) }
        let tensors = try Self.tensors("mid")
        for frame in 0..<8 {
            let sample = tensors["2x8.sample"]!.slice(frame..<frame + 1, axis: 2).squeezed(2)
            let answer = unet(sample, timesteps: tensors["2x8.timestep"]!, context: tensors["2x8.encoder_hidden_states"]!)
            #expect(largestDifference(answer, moving.slice(frame..<frame + 1, axis: 2).squeezed(2)) <= 1e-6)
        }
        // The twin: with trained modules they differ.
        #expect(largestDifference(moving, tensors["2x8.output"]!) > 1e-2)
    }

    /// What one frame holds reaches the others.
    @Test func framesKnowEachOther() throws {
        let configuration = try UNetConfiguration(Self.part("mid").configuration)
        let unet = try Self.part("mid").store().build { UNet($0, configuration) }
        let tensors = try Self.tensors("mid")
        let sample = tensors["2x8.sample"]!
        let changed = Tensor.concatenated([sample.slice(0..<3, axis: 2), sample.slice(3..<4, axis: 2) * 2, sample.slice(4..<8, axis: 2)], axis: 2)
        func first(_ x: Tensor) -> Tensor {
            unet(x, timesteps: tensors["2x8.timestep"]!, context: tensors["2x8.encoder_hidden_states"]!).slice(0..<1, axis: 2)
        }
        #expect(largestDifference(first(sample), first(changed)) > 1e-4)
    }

    @Test func aClipThatIsTooLongIsRefusedWithBothNumbers() throws {
        let motion = try #require(try UNetConfiguration(Self.part("mid").configuration).motion)
        #expect(motion.maximumFrames == 24)
        try motion.check(frames: 24)
        let error = try #require(throws: MotionError.self) { try motion.check(frames: 25) }
        #expect("\(error)".contains("25") && "\(error)".contains("24"))
        #expect(throws: MotionError.frames(0, most: 24)) { try motion.check(frames: 0) }
    }

    @Test(arguments: ["mid", "plain", "lists"]) func aWrittenConfigurationReadsTheSame(_ name: String) throws {
        let folder = TemporaryFolder()
        let configuration = try UNetConfiguration(Self.part(name).configuration)
        #expect(configuration.motion != nil && configuration.className == "UNetMotionModel")
        try configuration.json.prettyData().write(to: folder.url("config.json"))
        #expect(try UNetConfiguration(folder.url("config.json")) == configuration)
    }

    @Test(arguments: ["mid", "plain", "lists"]) func itRunsWhereTensorsHaveNoElements(_ name: String) throws {
        let configuration = try UNetConfiguration(Self.part(name).configuration)
        let meta = Placement(.meta)
        for recomputes in [false, true] {
            let store = ParameterStore(seed: 1, on: meta)
            try checkingDevices {
                var unet = try store.build { UNet($0, configuration) }
                unet.recomputesBlocks = recomputes
                let x = Tensor.zeros([2, 4, 8, 16, 16], on: meta)
                x.requiresGradient = true
                let answer = unet(x, timesteps: Tensor([1, 2] as [Float]), context: .zeros([2, 5, configuration.crossAttentionChannels], on: meta))
                #expect(answer.device == .meta && answer.shape == [2, 4, 8, 16, 16])
                answer.squared.mean().backward()
                #expect(x.gradient?.shape == x.shape)
                for (name, value) in store.trained { #expect(value.gradient?.shape == value.shape, "\(name)") }
            }
        }
    }
}
