import Foundation
import Media
import Pages

/// A page of pictures of a data set as a model will see them: its crop, with the caption below and the losing image beside it. Of a clip, the frames.
public struct DatasetSheet {
    private let set: WinnerSet
    private let resolution: Int
    private let shown: [Winner]
    private let rule: FrameRule
    private let seed: UInt64

    /// Pictures are shown no larger than that: what counts is what the crop leaves out.
    private static let side = 256

    /// - Parameters:
    ///   - count: pictures to show, evenly spread over the data set
    ///   - resolution: of the model
    ///   - rule: which frames are seen of a clip
    ///   - seed: of the run, by which random starts are drawn
    public init(_ set: WinnerSet, count: Int, resolution: Int, rule: FrameRule = FrameRule(), seed: UInt64 = 0) {
        (self.set, self.rule, self.seed) = (set, rule, seed)
        self.resolution = resolution
        let count = min(count, set.winners.count)
        shown = (0..<count).map { set.winners[$0 * set.winners.count / count] }
    }

    /// One self-contained HTML document. A picture that cannot be decoded is replaced by the reason.
    public func html(progress: (_ done: Int) -> Void = { _ in }) -> String {
        let cards = shown.enumerated().map { index, winner in
            progress(index)
            return card(winner)
        }
        progress(shown.count)
        let title = set.root.lastPathComponent
        let columns = shown.contains { $0.losingMedium != nil || $0.medium.clip != nil } ? 2 : 1
        let body: HTML = """
            <p class="kicker">\(set.summary)</p>
            <h1>\(title)</h1>
            <p class="lead">\(shown.count) of \(set.winners.count) winners, cropped as a model of \(resolution) × \(resolution) pixels sees them.</p>
            <div class="grid columns-\(columns)">\(cards)</div>
            """
        return Page(title: title, body: body).html.text
    }

    private func card(_ winner: Winner) -> HTML {
        let media = [(winner.medium, winner.losingMedium == nil ? nil : "Winner")] + (winner.losingMedium.map { [($0, "Loser")] } ?? [])
        let pictures = media.map { medium, name in
            switch medium {
            case .image(let image): picture(image, name: name)
            case .clip(let clip): frames(clip, name: name)
            }
        }
        return """
            <figure class="pair"><div class="row">\(pictures)</div>\
            <figcaption><q class="caption">\(winner.captions.joined(separator: " / "))</q> <span class="quiet">\(winner.medium.name)</span></figcaption></figure>
            """
    }

    private func picture(_ image: ImageReference, name: String?) -> HTML {
        let label: HTML = name.map { "<span class=\"name\">\($0)</span>" } ?? .nothing
        do {
            let crop = try image.image(fittedTo: resolution)
            return try Self.figure(resolution > Self.side ? try crop.resized(width: Self.side, height: Self.side) : crop, resolution, image.name, label)
        } catch {
            return "<div class=\"image\"><div class=\"missing\">\(error.reason.description)</div>\(label)</div>"
        }
    }

    /// - Parameter isStrip: whether it is wider than high, and is to be seen whole
    private static func figure(_ shown: RGBImage, _ resolution: Int, _ name: String, _ label: HTML, isStrip: Bool = false) throws(ImageError) -> HTML {
        let style: HTML = isStrip ? " style=\"aspect-ratio: auto\"" : .nothing
        let pixelated: HTML = resolution <= 128 ? " class=\"pixelated\"" : .nothing
        let data = Data(try shown.encodedPNG()).base64EncodedString()
        return "<div class=\"image\"><img\(pixelated)\(style) src=\"data:image/png;base64,\(data)\" alt=\"\(name)\">\(label)</div>"
    }

    // MARK: Clips

    /// Frames are shown no larger than that.
    private static let frameSide = 96
    private static let framesARow = 8

    /// The frames that are trained on, in their order, row by row, and when each is shown in the clip.
    private func frames(_ clip: ClipReference, name: String?) -> HTML {
        var label = name ?? ""
        do {
            let seen = try clip.clip(rule, seed: seed, fittedTo: (resolution, resolution))
            let side = min(resolution, Self.frameSide)
            let small = try seen.frames.map { frame throws(ImageError) in resolution > side ? try frame.resized(width: side, height: side) : frame }
            let times = seen.times.map { String(format: "%.2f", $0) }.joined(separator: ", ")
            label += (name == nil ? "" : ": ") + "\(seen.frames.count) frames at \(times) s" + (seen.isShort ? "; the clip is short" : "")
            let sheet = RGBImage.sheet(small, columns: min(Self.framesARow, small.count))
            return try Self.figure(sheet, side, clip.name, "<span class=\"name\">\(label)</span>", isStrip: true)
        } catch {
            let reason = (error as? ClipError).map { $0.reason.description } ?? "\(error)"
            return "<div class=\"image\"><div class=\"missing\">\(reason)</div><span class=\"name\">\(label)</span></div>"
        }
    }
}
