import CTorch

/// Gradients added up over the ranks in one flat buffer.
///
/// They are copied in, summed and copied back, in the order of the parameters: always the same bits. Where all together are larger than the buffer,
/// they go through it in turns.
public final class GradientSum {
    private let parameters: [Tensor]
    private let collective: any Collective
    private let buffer: Tensor?
    private let capacity: Int

    /// - Parameters:
    ///   - parameters: float32, in the same order on all ranks
    ///   - capacity: elements of the buffer, unless one parameter alone has more
    public init(of parameters: [Tensor], over collective: any Collective, capacity: Int = 1 << 25) {
        self.parameters = parameters
        self.collective = collective
        let total = parameters.reduce(0) { $0 + $1.count }
        self.capacity = max(min(capacity, total), parameters.map(\.count).max() ?? 0)
        buffer = collective.size > 1 ? Tensor.zeros([self.capacity]).to(parameters.first?.device ?? .cpu) : nil
    }

    /// Replaces every gradient by the sum over the ranks. One that the loss did not reach here counts as zero, and has
    /// the sum afterwards. A rank alone has what it had.
    public func callAsFunction() throws {
        guard let buffer else { return }
        try noGradients {
            var pieces: [(gradient: Tensor, place: Range<Int>)] = []
            var used = 0
            func flush() throws {
                guard used > 0 else { return }
                try collective.sum(buffer[0..<used])
                for piece in pieces { piece.gradient.copy_(buffer[piece.place].reshaped(piece.gradient.shape)) }
                (pieces, used) = ([], 0)
            }
            func put(_ gradient: Tensor) {
                let place = used..<used + gradient.count
                buffer[place].reshaped(gradient.shape).copy_(gradient)
                pieces.append((gradient, place))
                used = place.upperBound
            }
            for parameter in parameters where parameter.count > 0 {
                let gradient = parameter.gradient ?? parameter.newGradient()
                if used + gradient.count > capacity { try flush() }
                put(gradient)
            }
            try flush()
        }
    }
}

extension Tensor {
    /// Gives this leaf a gradient of zero.
    fileprivate func newGradient() -> Tensor {
        let zeros = detached.zerosLike()
        ct_tensor_set_grad(handle, zeros.handle)
        return zeros
    }
}
