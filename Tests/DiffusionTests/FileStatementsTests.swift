import Foundation
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Diffusion
@testable import Storage

/// What a single file states about its noise process beside its tensors.
@Suite struct FileStatementsTests {
    private let folder = TemporaryFolder()
    private let plain: [String: Tensor]

    init() throws {
        let file = folder.url("plain.safetensors")
        try SmallStableDiffusion.pipeline().write(singleFile: file)
        plain = try SafeTensorsFile(file).all()
    }

    private func file(_ name: String = "model", _ metadata: [String: String] = [:], marks: [String] = [], yaml: String? = nil) throws -> URL {
        let url = folder.url("\(name).safetensors")
        var tensors = plain
        for mark in marks { tensors[mark] = Tensor.zeros([0]) }
        try SafeTensors.write(tensors.map { ($0.key, $0.value) }, metadata: metadata.merging(["format": "pt"]) { $1 }, to: url)
        if let yaml { _ = try folder.write(yaml, to: "\(name).yaml") }
        return url
    }

    private static func yaml(_ parameters: String) -> String {
        "model:\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params:\n" + parameters.split(separator: "\n").map { "    \($0)\n" }.joined()
    }

    @Test(arguments: [
        ["modelspec.prediction_type": "v"], ["modelspec.prediction_type": "v_prediction"], ["modelspec.predict_key": "v"],
        ["modelspec.architecture": "stable-diffusion-v2-768-v"], ["ss_v_parameterization": "True"],
    ]) func theHeaderTellsWhatIsPredicted(_ metadata: [String: String]) throws {
        let files = try ModelFiles(file("model", metadata))
        #expect(try files.prediction().value == .velocity && files.scheduler().predictionType == .velocity)
        #expect(try files.prediction().by.contains(metadata.keys.first!))
        #expect(try Pipeline.load(files).schedule.predictionType == .velocity)
    }

    /// The twin: what says nothing, or noise, is noise.
    @Test(arguments: [[:], ["modelspec.prediction_type": "epsilon"], ["ss_v_parameterization": "False"], ["modelspec.title": "v"]])
    func otherwiseNoiseIsPredicted(_ metadata: [String: String]) throws {
        #expect(try ModelFiles(file("model", metadata)).scheduler() == SingleFile.scheduler)
    }

    @Test func marksAndConfigurationsBesideTell() throws {
        #expect(try ModelFiles(file("a", marks: ["v_pred"])).prediction().by == "its tensor v_pred")
        let velocity = try file("fluffy", yaml: Self.yaml("parameterization: \"v\"\nlinear_start: 0.001\nlinear_end: 0.013\nuse_ema: false"))
        let files = try ModelFiles(velocity)
        #expect(try files.prediction().by == "fluffy.yaml")
        #expect(try files.scheduler().betaStart == 0.001 && files.scheduler().betaEnd == 0.013)
        #expect(try ModelFiles(file("noise", yaml: Self.yaml("parameterization: eps"))).prediction().value == .epsilon)
        // Options of this program's own, under the model's name.
        #expect(try ModelFiles(file("own", yaml: "model: own.safetensors\nseed: 3\n")).prediction().value == .epsilon)
        let changed = try ModelFiles(
            file(
                "changed",
                yaml: Self.yaml("scale_factor: 0.5\nunet_config:\n  params:\n    num_head_channels: 64\ncond_stage_config:\n  target: a.FrozenCLIPEmbedder")))
        #expect(try changed.autoencoder().0.scalingFactor == 0.5 && changed.unet().0.heads == [1, 1])
    }

    @Test func aZeroTerminalSignalIsCarriedOut() throws {
        for url in [
            try file("a", marks: ["v_pred", "ztsnr"]), try file("b", ["modelspec.prediction_type": "v", "ss_zero_terminal_snr": "True"]),
            try file("c", yaml: Self.yaml("parameterization: v\nzero_terminal_snr: true")),
        ] {
            let scheduler = try ModelFiles(url).scheduler()
            #expect(scheduler.rescaleToZeroSignal == true && scheduler.timestepSpacing == .trailing && scheduler.className == "DDIMScheduler")
            #expect(try scheduler.noiseSchedule().cumulative.last == 0)
        }
        #expect(throws: ConfigurationError.self) { try ModelFiles(file("d", ["modelspec.prediction_type": "epsilon"], marks: ["ztsnr"])).scheduler() }
        // What the network predicts is asked for, and taken from the caller.
        let undecided = try file("e", marks: ["ztsnr"])
        #expect(throws: ConfigurationError.self) { try ModelFiles(undecided).scheduler() }
        #expect(try ModelFiles(ModelSource(undecided, prediction: .velocity)).scheduler().rescaleToZeroSignal == true)
    }

    @Test(
        arguments: [
            ("its tensor v_pred", ["modelspec.prediction_type": "epsilon"], ["v_pred"], nil),
            ("fluffy.yaml", ["modelspec.prediction_type": "v"], [], "parameterization: eps"),
            ("x0", [:], [], "parameterization: x0"), ("\"flow\"", ["modelspec.prediction_type": "flow"], [], nil),
            ("maybe", ["ss_zero_terminal_snr": "maybe"], [], nil),
            ("beta_schedule", [:], [], "parameterization: v\nbeta_schedule: cosine"), ("linear_start", [:], [], "linear_start: many"),
            ("num_heads", [:], [], "unet_config:\n  params:\n    num_heads: 7"),
            ("layer", [:], [], "cond_stage_config:\n  target: ldm.FrozenCLIPEmbedder\n  params:\n    layer: hidden"),
        ] as [(String, [String: String], [String], String?)])
    func contradictionsAndOtherKindsAreRefused(_ word: String, _ metadata: [String: String], _ marks: [String], _ parameters: String?) throws {
        let url = try file("fluffy", metadata, marks: marks, yaml: parameters.map(Self.yaml))
        let error = #expect(throws: ConfigurationError.self) { try ModelFiles(url) }
        #expect(error.map { "\($0)".contains(word) && $0.file.contains("fluffy") } == true, "\(String(describing: error))")
    }

    @Test(arguments: ["model: {target: ldm.models.diffusion.ddpm.LatentInpaintDiffusion, params: {}}", "model: [", "\u{0}", "a: b: c"])
    func aDamagedConfigurationIsNamed(_ text: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try ModelFiles(file("fluffy", yaml: text)) }
        #expect(error?.file.hasSuffix("fluffy.yaml") == true)
    }

    @Test func theCallerDecidesWhereNothingIsSaidAndNeverAgainstIt() throws {
        let silent = try file("silent")
        #expect(try ModelFiles(ModelSource(silent, prediction: .velocity)).scheduler().predictionType == .velocity)
        let stated = try file("stated", marks: ["v_pred"])
        #expect(try ModelFiles(ModelSource(stated, prediction: .velocity)).prediction().by == "its tensor v_pred")
        #expect { try ModelFiles(ModelSource(stated, prediction: .epsilon)).prediction() } throws: {
            "\($0)".contains("v_pred says that it predicts v_prediction")
        }
        // A folder states it in its scheduler's configuration.
        try SmallStableDiffusion.pipeline().write(to: folder.url("folder"))
        let contradicting = ModelSource(folder.url("folder"), prediction: .velocity)
        #expect { try ModelFiles(contradicting).scheduler() } throws: { "\($0)".contains("scheduler_config.json says") }
    }

    /// What we write states it, and is read as the same model.
    @Test(arguments: [false, true]) func aWrittenFileSaysWhatIsPredicted(_ isZero: Bool) throws {
        let source = try ModelFiles(file("a", marks: isZero ? ["v_pred", "ztsnr"] : ["v_pred"]))
        let written = folder.url("written.safetensors")
        try Pipeline.load(source).write(singleFile: written)
        #expect(try SafeTensorsFile(written).metadata["modelspec.prediction_type"] == "v")
        #expect(try ModelFiles(written).scheduler() == source.scheduler())
        #expect(try ModelFiles(written).setAside == [])
    }
}
