import Alignment
import Commands
import Experiments

extension Align: RefusesIdleOptions {
    var idleOptions: [IdleOptions] {
        let settings = settings
        let row = settings.row
        let isNew = settings.adapters.from == nil
        func choice(_ option: String, _ given: (any RawRepresentable<String>)?) -> String {
            given.map { "with --\(option) \($0.rawValue)" } ?? "with --method \(settings.objective.method.rawValue)"
        }
        let losers = choice("losers", settings.objective.losers)
        let reference = choice("reference", settings.objective.reference)
        let flip = choice("flip", settings.objective.flip)
        return [
            IdleOptions(\.adapters.alpha, when: settings.adapters.rank == 0 && isNew, "without --lora"),
            IdleOptions(\.adapters.names, when: settings.adapters.rank == 0 && isNew, "without --lora or --lora-from"),
            IdleOptions(\.adapters.targets, when: settings.adapters.rank == 0, isNew ? "without --lora" : "with --lora-from, whose file says which layers"),
            IdleOptions(
                \.objective.reference, \.objective.flip, \.objective.beta, \.objective.anchorDraws, \.objective.unshareNoise, \.objective.referenceDraw,
                when: !row.comparesPairs, "\(losers), which compares no pairs"),
            IdleOptions(
                \.sampling.sampler, \.sampling.steps, \.sampling.guidance, \.sampling.eta, when: row.losers != .sampled && settings.validation.prompts == 0,
                refused: false,
                "\(losers) and --validation-prompts 0: nothing is drawn"),
            IdleOptions(
                \.sampling.eta, when: settings.sampling.sampler != .ddim, "with --sampler \(settings.sampling.sampler?.rawValue ?? ""): only ddim has one"),
            IdleOptions(\.objective.referenceDraw, when: row.reference != .random, "\(reference): its reference is not drawn"),
            IdleOptions(\.objective.anchorDraws, when: row.flip == .none, "\(flip): nothing is flipped"),
            IdleOptions(\.clips.fps, when: settings.clips.rule != .fps, "with --frame-rule \(settings.clips.rule.rawValue)"),
            IdleOptions(
                \.computation.microBatch, when: settings.computation.microBatch > settings.optimisation.batch,
                "above --batch, which is \(settings.optimisation.batch)"),
        ]
    }

    func isByDefault(_ option: String) throws -> Bool {
        guard let setting = AlignmentSettings.all.first(where: { $0.name == option }) else { return false }
        let settings = settings
        return try setting.field(of: settings) == setting.field(of: .preset(model: settings.model.path, winners: settings.data.winners))
    }
}

extension Generate: RefusesIdleOptions {
    var idleOptions: [IdleOptions] {
        [
            model.idleScale,
            IdleOptions("negative-prompt", when: guidance <= 1, "with --guidance \(guidance), which is none"),
            IdleOptions("eta", when: sampler.map { $0 != .ddim } ?? false, "with --sampler \(sampler?.rawValue ?? ""): only ddim has one"),
        ]
    }
}

extension Convert: RefusesIdleOptions {
    var idleOptions: [IdleOptions] { [model.idleScale] }
}

extension Score: RefusesIdleOptions {
    var idleOptions: [IdleOptions] {
        let names = Set(metric.map { String($0.prefix { $0 != "=" }) })
        return [
            IdleOptions("preset", when: names.isDisjoint(with: ["fvd", "kvd"]), "without --metric fvd or kvd"),
            IdleOptions("seed", when: !floor && !names.contains("kvd"), "without --metric kvd or --floor"),
        ]
    }
}

extension ModelOptions {
    var idleScale: IdleOptions { IdleOptions("lora-scale", when: lora == nil, "without --lora") }
}

extension ReadingOptions {
    func idle(when areIdle: Bool, _ reason: String) -> IdleOptions { IdleOptions("caption-column", "image-column", "caption-lines", when: areIdle, reason) }
}

extension Evaluate: RefusesIdleOptions {
    var idleOptions: [IdleOptions] {
        let metrics = Set(testSet.metric.map { String($0.prefix { $0 != "=" }) })
        return [
            IdleOptions("seeds", "steps", "guidance", "split", when: winners != nil, "with --winners: nothing is drawn"),
            reading.idle(when: scenes, "with --scenes: it says how --winners is read"),
            IdleOptions(ProtocolOptions.others, when: testSet.name == nil, "without --protocol"),
            IdleOptions("split", "seed", when: testSet.name != nil, "with --protocol: prompts and seeds are the test set's"),
            IdleOptions("base-motion", when: base == nil, "without --base"),
            IdleOptions("preset", when: metrics.isDisjoint(with: ["fvd", "kvd"]), "without --metric fvd or kvd"),
        ]
    }
}

extension Pretrain: RefusesIdleOptions {
    var idleOptions: [IdleOptions] {
        [
            IdleOptions("flawed", "quality-flaws", when: images != nil, "with --images: they are of the corpus of Scenes"),
            IdleOptions("quality-flaws", when: flawed == 0, "with --flawed 0"),
            reading.idle(when: images == nil, "without --images: it says how that is read"),
            IdleOptions("resolution", when: scenes, "with --scenes, whose pictures have \(SceneRenderer.size) pixels a side"),
            IdleOptions("resolution", when: movingScenes, "with --moving-scenes, whose clips have \(SceneRenderer.size) pixels a side"),
            IdleOptions(
                "quality-flaws", "text-steps", "autoencoder-steps", "vocabulary", "caption-length", "device", when: movingScenes,
                "with --moving-scenes: motion modules alone are trained, on the processor"),
        ]
    }
}

extension Cache: RefusesIdleOptions {
    var idleOptions: [IdleOptions] { [IdleOptions("older-than", when: !clear, "without --clear: it says what that removes")] }
}
