import Media
import Torch
import Winners

/// A corpus in memory: images as bytes and a caption for each.
public struct CaptionedImages {
    /// `[N, 3, H, W]`, uint8.
    public let images: Tensor
    public let captions: [String]

    public init(images: Tensor, captions: [String]) {
        precondition(images.size(0) == captions.count, "\(images.size(0)) images for \(captions.count) captions")
        self.images = images
        self.captions = captions
    }

    public var count: Int { captions.count }

    /// The images at `indices`, `[B, 3, H, W]` in [−1, 1].
    public func batch(_ indices: [Int]) -> Tensor { images.gathered(indices).to(.float32) / 127.5 - 1 }
}

extension CaptionedImages {
    /// Decodes the first `limit` winning images of a data set, fitted to squares of `side` pixels, transparency over white.
    ///
    /// - Parameter leftOut: called for one that cannot be used
    /// - Throws: ``WinnerSetError`` where none can be used.
    public init(_ set: WinnerSet, side: Int, limit: Int? = nil, leftOut: (Skip) -> Void = { _ in }) throws {
        var bytes: [UInt8] = []
        var captions: [String] = []
        let listed = set.winners.prefix(limit ?? set.winners.count)
        var skips: [Skip] = []
        bytes.reserveCapacity(listed.count * side * side * 3)
        for winner in listed {
            do throws(ImageError) {
                bytes += try winner.image.image(fittedTo: side).pixels
                captions.append(winner.caption)
            } catch {
                skips.append(Skip(error))
                leftOut(Skip(error))
            }
        }
        if captions.isEmpty { throw WinnerSetError.noWinners(set.root.path, lookedFor: "images that can be decoded", set.report + skips) }
        let images = Tensor(bytes, shape: [captions.count, side, side, 3])
        self.init(images: images.permuted([0, 3, 1, 2]).contiguous(), captions: captions)
    }
}
