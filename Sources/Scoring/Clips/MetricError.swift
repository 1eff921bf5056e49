/// Why clips cannot be measured.
public enum MetricError: Error, Equatable, CustomStringConvertible {
    /// No `[F, 3, H, W]`.
    case shape([Int])
    /// Values that are not all in 0…1, or no numbers.
    case values(low: Double, high: Double)
    case pair([Int], reference: [Int])
    case side(Int, smallest: Int, metric: String)
    case frames(Int, fewest: Int, metric: String)
    case clips(Int, fewest: Int, metric: String)
    case features(Int, reference: Int)
    case unknownPreset(String, known: [String])
    /// The tensors of a file are not those of the network.
    case weights(file: String, network: String)

    public var description: String {
        switch self {
        case .shape(let shape):
            "a clip of the shape \(shape): frames, 3 colours, height and width are needed"
        case .values(let low, let high):
            low.isFinite && high.isFinite
                ? "a clip's values go from \(low) to \(high): they must lie between 0 and 1" : "a clip has values that are no finite numbers"
        case .pair(let shape, let reference):
            "a clip of \(Self.size(shape)) cannot be compared with its reference of \(Self.size(reference)): give both the same frames, height and width"
        case .side(let side, let smallest, let metric):
            "\(metric) needs frames of at least \(smallest) pixels a side, and these have \(side)"
        case .frames(let frames, let fewest, let metric):
            "\(metric) needs clips of at least \(fewest) frames, and one has \(frames)"
        case .clips(let clips, let fewest, let metric):
            "\(metric) needs at least \(fewest) clips on either side, and one has \(clips)"
        case .features(let count, let reference):
            "features of \(count) numbers cannot be compared with those of \(reference)"
        case .unknownPreset(let name, let known):
            "there is no preset \(name): \(known.joined(separator: ", "))"
        case .weights(let file, let network):
            "\(file): has no tensors of \(network); Scripts/metric-weights writes files that do"
        }
    }

    private static func size(_ shape: [Int]) -> String { shape.count == 4 ? "\(shape[0]) frames of \(shape[3]) x \(shape[2])" : "the shape \(shape)" }
}
