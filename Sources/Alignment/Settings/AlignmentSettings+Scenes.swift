import Diffusion

extension AlignmentSettings {
    /// Presets by model: those of the paper, and those of the built-in model, which is tiny and sees small batches.
    ///
    /// The built-in model's learning rate is the best of 5e-5, 1e-4 and 2e-4 for SePPO on the captions of the tune split, as
    /// `seppo align --model scenes --learning-rate …` on the demo's winners and `seppo evaluate --scenes --split tune` show it (quality 0.801, 0.814 and
    /// 0.767 at guidance 1; 0.856, 0.857 and 0.853 at guidance 3; whole runs, one seed), its β the better of 50 and 5000 in the sweep of
    /// `make ablation` (Documentation/Ablation.md). Where the rate of the model of clips is from says
    /// Documentation/MovingScenes.md; the rest is that of the model of pictures.
    public static func preset(model: String, winners: String) -> AlignmentSettings {
        var settings = AlignmentSettings(model: model, winners: winners)
        guard let model = BuiltInModel(rawValue: model) else { return settings }
        settings.optimisation.learningRate = 1e-4
        settings.objective.beta = 50
        settings.sampling.steps = 10
        settings.sampling.guidance = 3
        // The oracle judges these models on captions of their own.
        settings.validation.heldOut = 0
        if model == .movingScenes {
            settings.optimisation.learningRate = 3e-4
            // Its clips have 8 frames.
            (settings.clips.frames, settings.clips.rule, settings.clips.start) = (8, .first, .first)
        }
        return settings
    }
}
