import Foundation

/// What spoils a picture without changing what it shows. Images are planar RGB `[3, 32, 32]` in [0, 1].
public enum SceneDegradation {
    /// Gaussian blur of standard deviation `sigma` pixels, cut at 3 sigma; pixels beyond the border repeat it.
    public static func blurred(_ pixels: [Float], sigma: Double) -> [Float] {
        guard sigma > 0 else { return pixels }
        let radius = Int((3 * sigma).rounded(.up))
        let weights = (-radius...radius).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
        let total = weights.reduce(0, +)
        let kernel = weights.map { Float($0 / total) }
        let size = SceneRenderer.size
        // A Gaussian is separable: along rows, then along columns.
        return [1, size].reduce(pixels) { source, step in
            source.indices.map { index in
                let position = index / step % size
                return kernel.indices.reduce(Float(0)) { sum, tap in
                    let neighbour = min(max(position + tap - radius, 0), size - 1)
                    return sum + kernel[tap] * source[index + (neighbour - position) * step]
                }
            }
        }
    }

    /// Every pixel moved by `amount` (0 nothing, 1 grey) towards its own luma (ITU-R BT.601).
    public static func washedOut(_ pixels: [Float], amount: Double) -> [Float] {
        let plane = SceneRenderer.size * SceneRenderer.size
        var result = pixels
        for pixel in 0..<plane {
            let luma = 0.299 * pixels[pixel] + 0.587 * pixels[plane + pixel] + 0.114 * pixels[2 * plane + pixel]
            for index in stride(from: pixel, to: 3 * plane, by: plane) {
                result[index] += Float(amount) * (luma - pixels[index])
            }
        }
        return result
    }
}
