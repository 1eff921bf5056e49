import Datasets
import Torch

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
    /// Decodes the first `limit` images of a folder, fitted to squares of `side` pixels, transparency over white. One that cannot be used
    /// is left out and listed in the folder's report.
    ///
    /// - Throws: ``ImageFolderError`` where none can be used.
    public init(_ folder: inout ImageFolder, side: Int, limit: Int? = nil) throws {
        var bytes: [UInt8] = []
        var captions: [String] = []
        let listed = folder.winners.prefix(limit ?? folder.winners.count)
        bytes.reserveCapacity(listed.count * side * side * 3)
        for winner in listed {
            guard let image = folder.load(winner)?.image else { continue }
            do {
                bytes += try image.fitted(to: side).pixels
                captions.append(winner.caption)
            } catch {
                folder.leaveOut(winner.image, because: "\(error)")
            }
        }
        if captions.isEmpty { throw ImageFolderError.noWinners(folder: folder.folder.path, table: nil, folder.report) }
        let images = Tensor(bytes, shape: [captions.count, side, side, 3])
        self.init(images: images.permuted([0, 3, 1, 2]).contiguous(), captions: captions)
    }
}
