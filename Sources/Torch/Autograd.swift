import CTorch

/// Runs `body` without recording operations for differentiation.
public func noGradients<Result>(_ body: () throws -> Result) rethrows -> Result { try gradients(false, body) }

/// Runs `body` recording operations on tensors that require gradients.
public func withGradients<Result>(_ body: () throws -> Result) rethrows -> Result { try gradients(true, body) }

private func gradients<Result>(_ enabled: Bool, _ body: () throws -> Result) rethrows -> Result {
    let former = ct_grad_mode_set(enabled)
    defer { _ = ct_grad_mode_set(former) }
    return try body()
}

extension Tensor {
    /// `body(x, y)`, of which nothing but `x` and `y` is kept for the gradient: `body` runs again then (gradient checkpointing, Chen et al., arXiv
    /// 1604.06174). It must give the same result every time. Without gradients it simply runs.
    public static func recomputed(_ x: Tensor, _ y: Tensor, _ body: @escaping (Tensor, Tensor) -> Tensor) -> Tensor {
        guard ct_grad_mode_get() else { return body(x, y) }
        var result: OpaquePointer?
        // The second run happens where the gradient is asked for, which is outside of any precision.
        let device = x.device
        let precision = Precision.current(on: device)
        let body = RecomputedBody { x, y in precision.run(on: device) { body(x, y) } }
        let message = ct_recomputed(
            x.handle, y.handle, Unmanaged.passRetained(body).toOpaque(),
            { context, x, y in
                let body = Unmanaged<RecomputedBody>.fromOpaque(context!).takeUnretainedValue().body
                return body(Tensor(owning: x!), Tensor(owning: y!)).retainedHandle
            },
            { Unmanaged<RecomputedBody>.fromOpaque($0!).release() }, &result)
        if let message { TorchError(operation: "recomputed", message: String(cString: message)).end() }
        return Tensor(owning: result!)
    }

    public var requiresGradient: Bool {
        get { ct_tensor_requires_grad(handle) }
        set {
            if let message = ct_tensor_set_requires_grad(handle, newValue) { fatalError("requires_grad of \(self): \(String(cString: message))") }
        }
    }

    /// What `backward()` has accumulated into this leaf since `clearGradient()`.
    public var gradient: Tensor? { ct_tensor_grad(handle).map(Tensor.init(owning:)) }

    public func clearGradient() { ct_tensor_clear_grad(handle) }

    /// Another reference, for one who will release it.
    var retainedHandle: OpaquePointer { ct_tensor_retained(handle) }

    /// Adds the gradient of this scalar to every leaf it depends on.
    public func backward() {
        if let message = ct_backward(handle) { TorchError(operation: "backward of \(self)", message: String(cString: message)).end() }
    }
}

private final class RecomputedBody {
    let body: (Tensor, Tensor) -> Tensor
    init(_ body: @escaping (Tensor, Tensor) -> Tensor) { self.body = body }
}
