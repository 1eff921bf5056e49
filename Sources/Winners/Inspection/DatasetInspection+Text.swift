import Foundation

extension DatasetInspection.Spread {
    fileprivate var line: String { "\(min) to \(max) (median \(median))" }
}

extension DatasetInspection {
    /// For people.
    package var lines: [String] {
        var lines = form.map { ["  " + WinnerSet.summary($0, counts)] } ?? []
        lines += notes.map { "  " + $0 }
        lines += ["  \(winners) winners with \(distinctCaptions) different captions, \(losers) with a losing image; \(skipped.count) files or rows left out"]
        if decoded < winners { lines.append("  \(decoded) of them were decoded; inspect --all decodes every one") }
        if let width, let height {
            lines.append("  width \(width.line), height \(height.line) pixels")
        }
        if let clips, let frames, let milliseconds {
            let seconds = [milliseconds.min, milliseconds.max, milliseconds.median].map { String(format: "%.1f", Double($0) / 1000) }
            lines.append("  \(clips) clips of \(frames.line) frames, \(seconds[0]) to \(seconds[1]) seconds (median \(seconds[2]))")
        }
        if let captionTokens { lines.append("  captions of \(captionTokens.line) tokens, of which Stable Diffusion reads 77") }
        if let longCaptionsNote { lines.append("  \(longCaptionsNote)") }
        lines += firstCaptions.map { "  “\($0.count > 100 ? $0.prefix(100) + "…" : $0)”" }
        if sizes.count > 1 { lines.append("  most frequent: " + sizes.prefix(5).map { "\($0.width) x \($0.height) (\($0.count))" }.joined(separator: ", ")) }
        return lines
    }
}
