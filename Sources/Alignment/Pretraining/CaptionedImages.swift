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
