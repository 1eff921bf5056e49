/// A published way to compute FVD. Their numbers cannot be compared with one another: the name and its parts stand beside every value.
public struct FVDPreset: Codable, Equatable, Sendable {
    public var name: String
    public var resize: ClipResize
    /// What is taken from the number of clips where the covariance is divided by it.
    public var ddof: Int
    /// Frames a clip: the first that many. nil: all.
    public var frames: Int?
    /// Frames that the network's last pool covers at a time.
    public var pooledFrames: Int
    /// Of the network's normalisations.
    public var epsilon: Double

    private enum CodingKeys: String, CodingKey {
        case name, resize, ddof, frames, epsilon
        case pooledFrames = "pooled_frames"
    }

    public init(_ name: String, resize: ClipResize, ddof: Int, frames: Int?, pooledFrames: Int = 2, epsilon: Double = 1e-3) {
        (self.name, self.resize, self.ddof, self.frames, self.pooledFrames, self.epsilon) = (name, resize, ddof, frames, pooledFrames, epsilon)
    }

    /// JunyaoHu/common_metrics_on_video_quality, whose four metrics are those of the paper's table: all frames, ten or more.
    public static let commonMetrics = FVDPreset("common-metrics", resize: .cropped, ddof: 1, frames: nil)

    public static let all = [
        commonMetrics,
        // StyleGAN-V's fvd2048_16f, which takes pieces of long videos at random.
        FVDPreset("stylegan-v", resize: .whole, ddof: 0, frames: 16),
        // VideoGPT and TATS.
        FVDPreset("videogpt", resize: .cropped, ddof: 1, frames: 16, epsilon: 1e-5),
        // cd-fvd 0.1.
        FVDPreset("cd-fvd", resize: .whole, ddof: 0, frames: 16),
        // google-research/frechet_video_distance.
        FVDPreset("tf-original", resize: .tensorFlow, ddof: 1, frames: nil),
        // DisCo's "FVD-3DInception", whose last pool covers single frames.
        FVDPreset("disco", resize: .bicubic, ddof: 1, frames: nil, pooledFrames: 1),
    ]

    /// - Throws: ``MetricError`` for an unknown name
    public static func named(_ name: String) throws(MetricError) -> FVDPreset {
        guard let preset = all.first(where: { $0.name == name }) else { throw .unknownPreset(name, known: all.map(\.name)) }
        return preset
    }
}
