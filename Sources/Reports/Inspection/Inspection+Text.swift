import Diffusion
import Foundation
import Networks
import Winners

extension Inspection {
    /// The answer for people, a few lines; at most twenty problems are written out.
    public var text: String {
        let isSecond = kind == .singleFile && pipeline?.generation == 2
        let title = isSecond ? "a Stable Diffusion 2.x model in a single file" : Self.titles[kind] ?? kind.rawValue
        let parts = [pipeline?.lines, dataset?.lines, run?.lines, lora?.lines, file?.lines].compactMap { $0 }.flatMap { $0 }
        let tokens = (tokens ?? []).map { "tokens: " + $0.map(String.init).joined(separator: " ") }
        return InspectionForms.text(path, title, parts + tokens, problems)
    }

    private static let titles: [Kind: String] = [
        .pipeline: "a diffusers pipeline", .singleFile: "a Stable Diffusion 1.x model in a single file",
        .tokenizer: "a tokenizer", .textEncoder: "a CLIP text encoder", .autoencoder: "an autoencoder", .unet: "a UNet",
        .lora: "a LoRA", .dataset: DatasetInspection.title, .run: "a run", .safetensors: "a safetensors file", .unknown: "nothing known here",
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
