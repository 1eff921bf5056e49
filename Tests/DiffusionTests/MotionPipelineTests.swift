import Diffusion
import Foundation
import Layers
import Networks
import Storage
import TestFiles
import TestSupport
import Testing
import Torch

/// diffusers' clips of two prompts (Tests/Fixtures/generators/motion_pipeline.py), and ours.
enum ClipCase {
    struct Options: Decodable, Sendable {
        let prompts: [String]
        let negative_prompt: String
        let seeds: [UInt64]
        let steps: Int
        let guidance: Double
        let frames: Int
        let height: Int
        let width: Int
    }

    static let options = try! Fixture.json("motion/pipeline/case.json", as: Options.self)
    static let expected = try! Fixture.tensors("motion/pipeline/clips.safetensors")
    static let adapter = Fixture.folder.appendingPathComponent("motion/pipeline/adapter")

    static func files(_ motion: URL = adapter) throws -> ModelFiles { try ModelFiles(ModelSource(PipelineCase.folder, motion: motion)) }

    /// `[B, F, H, W, 3]` uint8.
    static func draw(_ pipeline: Pipeline, _ sampler: SamplerName?, batch: Int = 8) throws -> Tensor {
        let clips = try pipeline.generate(
            options.prompts, negativePrompts: [options.negative_prompt], seeds: options.seeds,
            settings: SamplingSettings(sampler: sampler, steps: options.steps, guidance: options.guidance), width: options.width, height: options.height,
            frames: options.frames, batch: batch)
        return Tensor.stacked((0..<clips.size(0)).map { Pipeline.pixels(clips[$0]) })
    }

    /// Whether clips are those of diffusers: at most 2 of 255 apart anywhere, and apart at all in 1 % of values.
    static func isSmall(_ clips: Tensor, _ name: String) -> Bool {
        guard let other = expected["\(name).frames"], clips.shape == other.shape else { return false }
        let apart = (clips.to(.float64) - other.to(.float64)).magnitude
        let (largest, share) = (apart.max().item, (apart .> 0).to(.float64).mean().item)
        print("clips, \(name): \(largest) of 255, \(share * 100) % of values")
        return largest <= 2 && share <= 0.01
    }
}

@Suite struct MotionPipelineTests {
    private let folder = TemporaryFolder()

    @Test(arguments: [("own", nil), ("ddim", SamplerName.ddim)] as [(String, SamplerName?)])
    func anAdapterOverAModelOfPicturesDrawsDiffusersClips(_ name: String, _ sampler: SamplerName?) throws {
        let pipeline = try Pipeline.load(ClipCase.files())
        #expect(ClipCase.isSmall(try ClipCase.draw(pipeline, sampler), name))
        // Clips depend on their seed alone.
        #expect(ClipCase.isSmall(try ClipCase.draw(pipeline, sampler, batch: 1), name))
    }

    /// The twins: another noise schedule, another seed.
    @Test func anotherScheduleOrSeedShows() throws {
        let clips = try ClipCase.draw(Pipeline.load(ClipCase.files()), .ddim)
        #expect(!ClipCase.isSmall(clips, "wrong.schedule"))
        #expect(!ClipCase.isSmall(Tensor.concatenated([clips[1..<2], clips[0..<1]]), "ddim"))
    }

    @Test func theScheduleOfAModelOfPicturesIsReplacedAndThatIsSaid() throws {
        let files = try ClipCase.files()
        let (own, used) = (try ModelFiles(PipelineCase.folder).scheduler(), try files.scheduler())
        #expect(own.betaSchedule == .scaledLinear && used.betaSchedule == .linear && used.className == own.className)
        #expect(used.clipSample == false && used.timestepSpacing == .linspace && used.stepsOffset == 1)
        #expect(try files.motionNotes().contains { $0.contains("linear") && $0.contains("scaled_linear") })
        #expect(try ModelFiles(PipelineCase.folder).motionNotes().isEmpty)
    }

    /// Written by us, a whole pipeline, an adapter and a UNet are read again, and draw the same bits; a pipeline's own scheduler stays as it is.
    @Test func allThreeFoldersThatWeWriteReadTheSame() throws {
        let pipeline = try Pipeline.load(ClipCase.files())
        try write(pipeline)
        let clips = try ClipCase.draw(pipeline, nil)
        let whole = try ModelFiles(folder.url("model"))
        #expect(try whole.drawsClips() && whole.motionNotes().isEmpty && whole.scheduler() == pipeline.scheduler)
        #expect(sameBits(try ClipCase.draw(Pipeline.load(whole), nil), clips))
        for name in ["adapter", "unet", "model"] {
            let again = try Pipeline.load(ClipCase.files(folder.url(name)))
            #expect(again.unet.configuration == pipeline.unet.configuration, "\(name)")
            #expect(sameBits(try ClipCase.draw(again, nil), clips), "\(name)")
        }
        let written = try SafeTensorsFile(folder.url("adapter/diffusion_pytorch_model.safetensors")).all()
        #expect(sameBits(written, try SafeTensorsFile(ClipCase.adapter.appendingPathComponent("diffusion_pytorch_model.safetensors")).all()))
        // A UNet alone takes its other parts, and the schedule of pictures, from its base.
        let alone = try ModelFiles(ModelSource(folder.url("unet"), base: PipelineCase.folder))
        #expect(try alone.scheduler().betaSchedule == .linear && !alone.motionNotes().isEmpty)
        #expect(sameBits(try ClipCase.draw(Pipeline.load(alone), nil), clips))
    }

    @Test(.enabled(if: Python.hasDiffusers, "no Python with diffusers: set SEPPO_PYTHON to one")) func diffusersDrawsTheSameFromWhatWeWrote() throws {
        let pipeline = try Pipeline.load(ClipCase.files())
        try write(pipeline)
        let script = Fixture.folder.appendingPathComponent("check_written_clips.py").path
        let (status, errors) = try Python.run([script, folder.url("").path, folder.url("frames.safetensors").path])
        try #require(status == 0, "\(errors)")
        let drawn = try SafeTensorsFile(folder.url("frames.safetensors")).all()
        for name in ["pipeline", "adapter", "unet"] { #expect(ClipCase.isSmall(try #require(drawn["\(name).frames"]), "own"), "\(name)") }
        // The pipeline as diffusers saves it.
        let theirs = try Pipeline.load(folder.url("diffusers"))
        #expect(theirs.unet.configuration == pipeline.unet.configuration)
        #expect(ClipCase.isSmall(try ClipCase.draw(theirs, nil), "own"))
    }

    @Test func aPipelineOfClipsWithAnotherScheduleIsWarnedOf() throws {
        try write(Pipeline.load(ClipCase.files()))
        let file = folder.url("model/scheduler/scheduler_config.json")
        let text = try String(contentsOf: file, encoding: .utf8).replacingOccurrences(of: "\"linear\"", with: "\"scaled_linear\"")
        try Data(text.utf8).write(to: file)
        let files = try ModelFiles(folder.url("model"))
        #expect(try files.scheduler().betaSchedule == .scaledLinear)
        #expect(try files.motionNotes().contains { $0.contains("scaled_linear") })
    }

    @Test func clipsAndPicturesAreToldApart() throws {
        let still = try Pipeline.load(PipelineCase.folder)
        #expect(throws: MotionError.noMotion) { try still.generate(["a"], seeds: [1], settings: SamplingSettings(steps: 1), frames: 2) }
        let moving = try Pipeline.load(ClipCase.files())
        #expect(throws: MotionError.frames(17, most: 16)) { try moving.generate(["a"], seeds: [1], settings: SamplingSettings(steps: 1), frames: 17) }
        let one = try moving.generate(["a"], seeds: [1], settings: SamplingSettings(sampler: .ddim, steps: 1), width: 16, height: 16, frames: 1)
        #expect(one.shape == [1, 1, 3, 16, 16])
        #expect(throws: (any Error).self) { try moving.write(singleFile: folder.url("file.safetensors")) }
    }

    private func write(_ pipeline: Pipeline) throws {
        try pipeline.write(to: folder.url("model"))
        let tensors = pipeline.unetTensors.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
        try PipelineFolder.writeMotionAdapter(tensors, of: pipeline.unet.configuration, to: folder.url("adapter"))
        try PipelineFolder.writeUNet(tensors, of: pipeline.unet.configuration, to: folder.url("unet"))
    }
}
