import Diffusion
import Foundation
import Networks
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Alignment

/// A device's numbers beside the processor's and diffusers', on the device that SEPPO_DEVICE names.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["SEPPO_DEVICE"] != nil, "run by make gpu-check")) struct DeviceParityTests {
    static let name = ProcessInfo.processInfo.environment["SEPPO_DEVICE"]

    private func placement() throws -> Placement { Placement(try Device(named: try #require(Self.name))) }

    @Test(arguments: ["sd1", "sd1_options", "sd2", "plain_scale_shift", "deep"]) func theUNetAnswersAsThatOfDiffusers(_ name: String) throws {
        struct Case: Decodable { let weights: String }
        let place = try placement()
        let part = PipelineFolder.Part.unet(Fixture.folder.appendingPathComponent("unet/\(name)"))
        let weights = Fixture.folder.appendingPathComponent(try Fixture.json("unet/\(name)/case.json", as: Case.self).weights)
        let unet = try part.store(from: weights, on: place).build { UNet($0, try UNetConfiguration(part.configuration)) }
        let tensors = try Fixture.tensors("unet/\(name)/case.safetensors").mapValues { $0.to(place.device) }
        let answer = noGradients { unet(tensors["sample"]!, timesteps: tensors["timestep"]!, context: tensors["encoder_hidden_states"]!) }
        #expect(answer.device == place.device)
        #expect(largestDifference(answer.to(.cpu), tensors["output"]!.to(.cpu)) <= 1e-4)
    }

    /// An image of the same seed: the noise is the processor's.
    @Test func aSeedDrawsTheSamePicture() throws {
        let world = try TinyWorld()
        func image(_ place: Placement, seed: UInt64) throws -> Tensor {
            try Pipeline.load(world.model, on: place).generate(
                ["a red circle"], seeds: [seed], settings: SamplingSettings(sampler: .ddim, steps: 5, guidance: 3))
        }
        let ours = try image(Placement(), seed: 1)
        #expect(try largestDifference(image(placement(), seed: 1), ours) <= 1e-3)
        #expect(try largestDifference(image(placement(), seed: 2), ours) > 1e-2, "the twin with another seed")
    }

    /// The gradients of an update of every method, from the same weights, against those of the processor.
    @Test(arguments: Method.Name.allCases) func anUpdateIsThatOfTheProcessor(_ method: Method.Name) throws {
        let world = try TinyWorld()
        let settings = world.settings { $0.objective.method = method }
        func gradients(_ place: Placement, _ settings: AlignmentSettings) throws -> (values: [String: Tensor], update: LoggedUpdate) {
            let pipeline = try DenoisingPipeline.load(ModelFiles(world.model), on: place)
            let pool = ReferencePool(settings, try TrainedPart.choose(settings, of: pipeline), in: nil)
            let trainer = try Trainer.prepare(settings, world.encoded(settings), pool)
            let gathered = try trainer.gatherGradients([0, 1, 2, 3])
            let values = trainer.policy.trained.map { ($0.name, $0.value.gradient!.to(.cpu).clone()) }
            return (Dictionary(uniqueKeysWithValues: values), trainer.advance(gathered))
        }
        let (ours, update) = try gradients(Placement(), settings)
        let (theirs, other) = try gradients(placement(), settings)
        #expect(relativeDifference(theirs, ours) <= 1e-3)
        #expect(abs(other.loss! - update.loss!) <= 1e-4 && abs(other.gradientNorm! - update.gradientNorm!) <= 1e-3 * update.gradientNorm!)
        var wrong = settings
        wrong.run.seed += 1
        #expect(try relativeDifference(gradients(placement(), wrong).values, ours) > 1e-2, "the twin with other noise")
    }

    /// The flip depends on ties: with equal weights policy and reference must err alike to the bit, by whatever kernels the device has.
    @Test(arguments: ["plain", "checkpointing", "bf16", "LoRA"]) func equalWeightsTieExactly(_ way: String) throws {
        let world = try TinyWorld()
        let settings = world.settings {
            $0.computation.gradientCheckpointing = way == "checkpointing"
            $0.computation.precision = way == "bf16" ? .bf16 : .f32
            $0.adapters.rank = way == "LoRA" ? 2 : 0
        }
        let pipeline = try DenoisingPipeline.load(ModelFiles(world.model), on: placement())
        let pool = ReferencePool(settings, try TrainedPart.choose(settings, of: pipeline), in: nil)
        let trainer = try Trainer.prepare(settings, world.encoded(settings), pool)
        let update = trainer.advance(try trainer.gatherGradients([0, 1, 2, 3]))
        #expect(update.flipZero == 1 && update.marginQuantiles!.allSatisfy { $0 == 0 })
        #expect(update.gradientNorm! > 0)
    }

    /// Rows of pixels lie apart in memory where a device's normalisation answers with channels first.
    @Test func aLinearLayerHasTheSameBitsWhetherItIsTrainedOrNot() throws {
        let place = try placement()
        let generator = Generator(seed: 1)
        let x = generator.normal([4, 8, 16]).to(place.device).transposed(1, 2)
        let weight = generator.normal([8, 8]).to(place.device)
        let bias = generator.normal([8]).to(place.device)
        let trained = weight.clone()
        trained.requiresGradient = true
        #expect(noGradients { sameBits(x.linear(weight, bias).to(.cpu), x.linear(trained, bias).to(.cpu)) })
    }

    /// A run that is stopped on one device goes on on the other.
    @Test func aStateMovesBetweenDevices() throws {
        let world = try TinyWorld()
        let settings = world.settings { $0.optimisation.ema = 0.9 }
        func trainer(_ place: Placement) throws -> Trainer {
            let pipeline = try DenoisingPipeline.load(ModelFiles(world.model), on: place)
            return try Trainer.prepare(settings, world.encoded(settings), ReferencePool(settings, TrainedPart.choose(settings, of: pipeline), in: nil))
        }
        let first = try trainer(placement())
        _ = first.advance(try first.gatherGradients([0, 1, 2, 3]))
        let directory = try world.directory("moved")
        try RunState.save(first.counters, inputs: RunState.Inputs(data: "", unet: ""), first.state, in: directory)
        let second = try trainer(Placement())
        try second.restore(try #require(try RunState.load(directory)))
        #expect(
            zip(first.state, second.state).allSatisfy { a, b in
                zip(a.tensors, b.tensors).allSatisfy { sameBits($0.value.detached.to(.cpu).contiguous(), $1.value.detached.contiguous()) }
            })
        #expect(second.updatesDone == 1)
    }
}
