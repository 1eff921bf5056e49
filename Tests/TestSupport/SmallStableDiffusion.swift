import Diffusion
import Layers
import Networks

/// A model of Stable Diffusion 1.x's shape, random and small: of its tensors the table of CLIP's tokens is by far the largest.
public enum SmallStableDiffusion {
    /// As small as a single file can tell.
    public static func pipeline() throws -> Pipeline {
        try pipeline(
            text: (64, 1), autoencoder: [32, 32],
            unet: { unet in
                (unet.channels, unet.layersPerBlock) = ([64, 64], [1, 1])
                (unet.downAttention, unet.upAttention) = ([true, false], [false, true])
                (unet.heads, unet.transformerDepth, unet.onlyCrossAttention) = ([8, 8], [1, 1], [false, false])
            })
    }

    /// With a level that has no attention of its own between two that differ, and more than one layer of everything.
    public static func deeperPipeline() throws -> Pipeline {
        try pipeline(
            text: (128, 2), autoencoder: [32, 64],
            unet: { unet in
                (unet.channels, unet.layersPerBlock) = ([64, 128, 128], [2, 2, 2])
                (unet.downAttention, unet.upAttention) = ([true, true, false], [false, true, true])
                (unet.heads, unet.transformerDepth, unet.onlyCrossAttention) = ([8, 8, 8], [1, 1, 1], [false, false, false])
            })
    }

    private static func pipeline(
        text: (hiddenWidth: Int, layers: Int), autoencoder channels: [Int], unet shape: (inout UNetConfiguration) -> Void
    ) throws -> Pipeline {
        var encoder = CLIPTextConfiguration()
        (encoder.width, encoder.hiddenWidth, encoder.layers, encoder.heads) = (64, text.hiddenWidth, text.layers, 1)
        var autoencoder = AutoencoderConfiguration()
        (autoencoder.channels, autoencoder.layersPerBlock) = (channels, 1)
        var unet = UNetConfiguration()
        unet.crossAttentionChannels = 64
        shape(&unet)
        func store(_ seed: UInt64) -> ParameterStore { ParameterStore(seed: seed, isTrainable: false) }
        return try Pipeline(
            tokenizer: .standard, textEncoder: (encoder, store(1)), autoencoder: (autoencoder, store(2)), unet: (unet, store(3)),
            scheduler: SingleFile.scheduler)
    }
}
