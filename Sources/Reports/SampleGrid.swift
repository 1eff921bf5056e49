import Foundation
import Pages

extension Report {
    /// What the checkpoints drew at the same prompts and seeds, a row a prompt; nothing where no run drew any.
    var sampleGrids: HTML? {
        let grids = runs.filter { !$0.samples.isEmpty }.map { run -> HTML in
            let heading: HTML = runs.count == 1 ? .nothing : "<h3>\(run.name)</h3>"
            return "\(heading)<div class=\"samples\">\(Self.prompts(of: run.samples).map { row($0, run.samples) })</div>"
        }
        guard !grids.isEmpty else { return nil }
        return "<p class=\"note\">Every checkpoint at the same captions and seeds, by the sampler of the training; k\u{202F}=\u{202F}0 is the base.</p>\(grids)"
    }

    private struct Prompt: Hashable {
        var caption: String
        var seed: UInt64
    }

    private static func prompts(of samples: [RunRecord.CheckpointSample]) -> [Prompt] {
        var seen: Set<Prompt> = []
        return samples.map { Prompt(caption: $0.caption, seed: $0.seed) }.filter { seen.insert($0).inserted }
    }

    private func row(_ prompt: Prompt, _ samples: [RunRecord.CheckpointSample]) -> HTML {
        let images = samples.filter { $0.caption == prompt.caption && $0.seed == prompt.seed }.map { sample -> HTML in
            let picture = Self.picture(sample.picture, alt: "Checkpoint \(sample.k): \(prompt.caption), seed \(prompt.seed)")
            return "<div class=\"image\">\(picture)<span class=\"name\">k\u{202F}=\u{202F}\(sample.k)</span></div>"
        }
        return """
            <figure class="pair"><div class="row">\(images)</div>\
            <figcaption><q class="caption">\(prompt.caption)</q> <span class="quiet">seed \(String(prompt.seed))</span></figcaption></figure>
            """
    }
}
