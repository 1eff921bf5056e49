import Datasets
import Diffusion
import Foundation
import Torch

extension Inspection {
    /// The answer for people, a few lines; at most twenty problems are written out.
    public var text: String {
        var lines = ["\(path): \(Self.titles[kind] ?? kind.rawValue)"]
        if kind == .singleFile, pipeline?.generation == 2 { lines = ["\(path): a Stable Diffusion 2.x model in a single file"] }
        lines += pipeline?.lines ?? []
        lines += dataset?.lines ?? []
        lines += run?.lines ?? []
        lines += lora?.lines ?? []
        lines += file?.lines ?? []
        for ids in tokens ?? [] { lines.append("tokens: " + ids.map(String.init).joined(separator: " ")) }
        lines.append(problems.isEmpty ? "no problems" : problems.count == 1 ? "1 problem:" : "\(problems.count) problems:")
        lines += problems.prefix(20).map { "  \($0)" }
        if problems.count > 20 { lines.append("  and \(problems.count - 20) more; --json lists all") }
        return lines.map(\.printable).joined(separator: "\n")
    }

    private static let titles: [Kind: String] = [
        .pipeline: "a diffusers pipeline", .singleFile: "a Stable Diffusion 1.x model in a single file",
        .tokenizer: "a tokenizer", .textEncoder: "a CLIP text encoder", .autoencoder: "an autoencoder", .unet: "a UNet",
        .lora: "a LoRA", .dataset: "a data set", .run: "a run", .safetensors: "a safetensors file", .unknown: "nothing known here",
    ]
}

extension WeightsSummary {
    fileprivate var line: String {
        let types = dtypes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key).joined(separator: ", ")
        return "\(parameters) parameters in \(tensors) tensors" + (types.isEmpty ? "" : " (\(types))") + String(format: ", %.1f MB", Double(bytes) / 1e6)
    }
}

extension PipelineInspection {
    fileprivate var lines: [String] {
        var lines = parts.map { "  " + $0.name.padding(toLength: 13, withPad: " ", startingAt: 0) + $0.weights.line }
        if parts.count > 1 { lines.append("  in all       \(parts.reduce(0) { $0 + $1.weights.parameters }) parameters") }
        if let resolution { lines.append("  resolution   \(resolution) pixels") }
        if let sampler { lines.append("  sampler      \(sampler)" + (endsInNoise == true ? ", zero terminal SNR" : "")) }
        if let predictionType { lines.append("  predicts     \(predictionType)" + (predictionSource.map { " (\($0))" } ?? "")) }
        if let tokenizerLength, let vocabularySize { lines.append("  tokenizer    \(tokenizerLength) tokens a text, of a vocabulary of \(vocabularySize)") }
        if let use { lines.append("  use          \(use)") }
        if !ignored.isEmpty { lines.append("  not used     \(ignored.joined(separator: ", "))") }
        return lines
    }
}

extension DatasetInspection.Spread {
    fileprivate var line: String { "\(min) to \(max) (median \(median))" }
}

extension DatasetInspection {
    fileprivate var lines: [String] {
        var lines = form.map { ["  " + WinnerSet.summary($0, counts)] } ?? []
        lines += notes.map { "  " + $0 }
        lines += ["  \(winners) winners with \(distinctCaptions) different captions, \(losers) with a losing image; \(skipped.count) files or rows left out"]
        if decoded < winners { lines.append("  \(decoded) of them were decoded; inspect --all decodes every one") }
        if let width, let height {
            lines.append("  width \(width.line), height \(height.line) pixels")
        }
        if let captionTokens { lines.append("  captions of \(captionTokens.line) tokens, of which Stable Diffusion reads 77") }
        if let longCaptionsNote { lines.append("  \(longCaptionsNote)") }
        lines += firstCaptions.map { "  “\($0.count > 100 ? $0.prefix(100) + "…" : $0)”" }
        if sizes.count > 1 { lines.append("  most frequent: " + sizes.prefix(5).map { "\($0.width) x \($0.height) (\($0.count))" }.joined(separator: ", ")) }
        return lines
    }
}

extension RunInspection {
    fileprivate var lines: [String] {
        let status = isLocked ? "a process is working on it" : isFinished ? "finished" : "not finished; go on with --resume"
        var lines = ["  \(updatesSaved) of \(updatesTotal.map(String.init) ?? "?") updates saved, \(updatesLogged) logged; \(status)"]
        lines.append("  checkpoints  \(checkpoints.isEmpty ? "none" : checkpoints.map(String.init).joined(separator: ", "))")
        if let state { lines.append("  state        \(state)") }
        if !lastLosses.isEmpty { lines.append("  last losses  " + lastLosses.map { String(format: "%.4f", $0) }.joined(separator: ", ")) }
        for alarm in alarms { lines.append("  alarm        \(alarm.text) (first at update \(alarm.firstUpdate), \(alarm.updates) in all)") }
        if skippedUpdates > 0 { lines.append("  \(skippedUpdates) updates were left out because the loss or gradient was not finite") }
        lines += settings.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value.text)" }
        if let model { lines += ["the aligned model:"] + model.lines }
        return lines
    }
}

extension LoRA.File.Facts {
    fileprivate var lines: [String] {
        let alphas = alphas.map { Int(exactly: $0).map(String.init) ?? "\($0)" }
        return [
            "  kind         \(kind), names of \(naming.joined(separator: ", "))", "  rank         \(ranks.map(String.init).enumerated(upTo: 8))",
            "  alpha        \(alphas.enumerated(upTo: 8))", "  layers       \(unetLayers) of the UNet, \(textEncoderLayers) of the text encoder",
        ]
    }
}

extension TensorFileInspection {
    fileprivate var lines: [String] {
        ["  " + weights.line] + metadata.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value.prefix(120))" }
            + tensors.prefix(20).map { "  \($0.name)  \($0.dtype) \($0.shape)" }
            + (tensors.count > 20 ? ["  and \(tensors.count - 20) more; --json lists all"] : [])
    }
}
