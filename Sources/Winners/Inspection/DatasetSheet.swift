import Foundation
import Pages

/// A page of pictures of a data set as a model will see them: its crop, with the caption below and the losing image beside it.
public struct DatasetSheet {
    private let set: WinnerSet
    private let resolution: Int
    private let shown: [Winner]

    /// Pictures are shown no larger than that: what counts is what the crop leaves out.
    private static let side = 256

    /// - Parameters:
    ///   - count: pictures to show, evenly spread over the data set
    ///   - resolution: of the model
    public init(_ set: WinnerSet, count: Int, resolution: Int) {
        self.set = set
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
        let columns = shown.contains { $0.loser != nil } ? 2 : 1
        let body: HTML = """
            <p class="kicker">\(set.summary)</p>
            <h1>\(title)</h1>
            <p class="lead">\(shown.count) of \(set.winners.count) winners, cropped as a model of \(resolution) × \(resolution) pixels sees them.</p>
            <div class="grid columns-\(columns)">\(cards)</div>
            """
        return Page(title: title, body: body).html.text
    }

    private func card(_ winner: Winner) -> HTML {
        let pictures = [picture(winner.image, name: winner.loser == nil ? nil : "Winner")] + [winner.loser].compactMap { $0 }.map { picture($0, name: "Loser") }
        return """
            <figure class="pair"><div class="row">\(pictures)</div>\
            <figcaption><q class="caption">\(winner.captions.joined(separator: " / "))</q> <span class="quiet">\(winner.image.name)</span></figcaption></figure>
            """
    }

    private func picture(_ image: ImageReference, name: String?) -> HTML {
        let label: HTML = name.map { "<span class=\"name\">\($0)</span>" } ?? .nothing
        do {
            let crop = try image.image(fittedTo: resolution)
            let shown = resolution > Self.side ? try crop.resized(width: Self.side, height: Self.side) : crop
            let pixelated: HTML = resolution <= 128 ? " class=\"pixelated\"" : .nothing
            let data = Data(try shown.encodedPNG()).base64EncodedString()
            return "<div class=\"image\"><img\(pixelated) src=\"data:image/png;base64,\(data)\" alt=\"\(image.name)\">\(label)</div>"
        } catch {
            return "<div class=\"image\"><div class=\"missing\">\(error.reason.description)</div>\(label)</div>"
        }
    }
}
