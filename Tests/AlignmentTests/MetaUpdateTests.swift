import Diffusion
import Encoding
import Foundation
import Networks
import TestSupport
import Testing
import Torch

@testable import Alignment

/// One whole update with everything on libtorch's device without elements, where every call must find its tensors on one device: what would fail on a GPU
/// fails here. A tensor's numbers are read by nobody: there are none.
@Suite struct MetaUpdateTests {
    private static let meta = Placement(.meta)

    /// What is left on the processor.
    enum Stray: String, Sendable { case none, weights, reference, latents, conditioning }

    /// Winners → batch → reference sample → noise → errors → objective → gradient → step, as the trainer goes.
    /// - Returns: the policy's device afterwards
    static func update(_ method: Method.Name, stray: Stray = .none) throws -> Device {
        let world = try TinyWorld()
        var settings = world.settings()
        settings.objective.method = method
        settings.objective.anchorDraws = 1
        settings.sampling.guidance = 3
        // Encoded on the processor, as latents come from the cache.
        let winners = try world.encoded(settings)
        let rows = [0, 1, 2, 3]
        _ = try winners.prepare(rows)
        _ = try winners.latents(rows)
        let files = try ModelFiles(world.model)
        func pipeline(_ place: Placement) throws -> DenoisingPipeline { try DenoisingPipeline.load(files, on: place) }
        let part = try TrainedPart.choose(settings, of: pipeline(stray == .weights ? Placement() : meta))
        let policy = try part.makePolicy(settings)
        let optimiser = AdamW(policy.trained)
        let gradients = ExampleGradients(settings, winners, part.pipeline.schedule, try part.pipeline.latentSampler(settings.sampling))
        let reference = try pipeline(stray == .reference ? Placement() : meta).unet
        let references = ExampleGradients.References(reference: settings.row.comparesPairs ? reference : nil, base: reference)
        try checkingDevices {
            let measured = try gradients.measure(rows: rows, numbers: 0..<4, policy: Straying(policy.denoisers[0], stray), references)
            #expect(measured.losses.device == .meta && measured.losses.shape == [4])
            #expect((measured.pairs != nil) == settings.row.comparesPairs && measured.base != nil)
            (measured.losses.sum() / 4).backward()
            for (name, value) in policy.trained { #expect(value.gradient?.device == .meta, "\(name)") }
            optimiser.clipGradients(norm: 2, to: 1)
            optimiser.step(learningRate: 1e-4)
        }
        return policy.trained[0].value.device
    }

    /// A denoiser that is given one thing on the processor, as where a move was forgotten.
    private struct Straying: Denoiser {
        private var denoiser: any Denoiser
        private let stray: Stray
        var device: Device { denoiser.device }
        var precision: Precision {
            get { denoiser.precision }
            set { denoiser.precision = newValue }
        }
        var recomputesBlocks: Bool {
            get { denoiser.recomputesBlocks }
            set { denoiser.recomputesBlocks = newValue }
        }

        init(_ denoiser: any Denoiser, _ stray: Stray) { (self.denoiser, self.stray) = (denoiser, stray) }

        func callAsFunction(_ x: Tensor, at time: Tensor, _ conditioning: Conditioning) -> Tensor {
            // What has no elements cannot be brought to the processor: zeros of its shape stand in for it there.
            let isFarX = stray == .latents
            let told = stray == .conditioning ? Conditioning(text: .zeros(conditioning[Conditioning.text].shape)) : conditioning
            return denoiser(isFarX ? Tensor.zeros(x.shape) : x, at: isFarX ? Tensor.zeros(time.shape) : time, told)
        }
    }

    @Test(arguments: Method.Name.allCases) func aWholeUpdateStaysOnItsDevice(_ method: Method.Name) throws {
        #expect(try Self.update(method) == .meta)
    }

    #if compiler(>=6.2)
        /// The twins: one thing left on the processor.
        @Test(arguments: [Stray.weights, .reference, .latents, .conditioning]) func whatIsLeftOnTheProcessorEndsIt(_ stray: Stray) async {
            let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { [name = stray.rawValue as String] in
                _ = try MetaUpdateTests.update(.seppo, stray: Stray(rawValue: name)!)
            }
            let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
            #expect(text.contains("tensors on more than one device"), "\(text.suffix(2000))")
        }

        @Test func withNothingLeftItEndsWell() async {
            await #expect(processExitsWith: .success) { _ = try MetaUpdateTests.update(.seppo) }
        }
    #endif
}
