import Diffusion

extension SamplingSettings {
    public static let declared = SettingGroup(
        "Sampling of references",
        [
            Setting(\.sampling.sampler, "sampler", "Sampler of the reference samples."),
            Setting(\.sampling.steps, "sample-steps", "Steps of a reference sample.", in: .between(1, 10_000)),
            Setting(\.sampling.guidance, "guidance", "Guidance of the reference samples; 1 is none.", in: .finite),
            Setting(\.sampling.eta, "eta", "DDIM's eta.", in: .between(0, 1)),
        ])
}
