import Torch

/// Standard normal noise of which every image has its own generator, so that an image depends on its own seed alone and not on the
/// others in its batch: the numbers of diffusers when it is given one CPU generator an image.
public struct SeededNoise: Sendable {
    private let generators: [Generator]
    private let shape: [Int]
    private let device: Device

    /// - Parameters:
    ///   - seeds: one an image.
    ///   - shape: of one image, `[C, H, W]`, or clip, `[C, F, H, W]`.
    ///   - device: where the noise is wanted. It is drawn on the processor, whatever that is.
    public init(seeds: [UInt64], shape: [Int], on device: Device = .cpu) {
        self.init(generators: seeds.map { Generator(seed: $0) }, shape: shape, on: device)
    }

    /// Goes on with these generators, one an image.
    public init(generators: [Generator], shape: [Int], on device: Device = .cpu) {
        self.generators = generators
        self.shape = shape
        self.device = device
    }

    /// The next noise `[B, …]`: the start noise first, then that of each step.
    public func next() -> Tensor { Tensor.concatenated(generators.map { $0.normal([1] + shape) }).to(device) }

    /// The next noise as a sampler asks for it, for `varianceNoise:`.
    public func next(_ step: Int) -> Tensor { next() }
}
