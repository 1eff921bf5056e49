extension AlignmentSettings {
    /// Presets by model: those of the paper, and those of the built-in model, which is tiny and sees small batches.
    ///
    /// The built-in model's values are those at which a prototype of Scenes separated the methods; `make ablation` sweeps learning rate and β.
    public static func preset(model: String, winners: String) -> AlignmentSettings {
        var settings = AlignmentSettings(model: model, winners: winners)
        guard model == "scenes" else { return settings }
        settings.learningRate = 1e-4
        settings.beta = 50
        settings.sampleSteps = 10
        settings.guidance = 3
        return settings
    }
}
