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
    public var requiresGradient: Bool {
        get { ct_tensor_requires_grad(handle) }
        set {
            if let message = ct_tensor_set_requires_grad(handle, newValue) { fatalError("requires_grad of \(self): \(String(cString: message))") }
        }
    }

    /// What `backward()` has accumulated into this leaf since `clearGradient()`.
    public var gradient: Tensor? { ct_tensor_grad(handle).map(Tensor.init(owning:)) }

    public func clearGradient() { ct_tensor_clear_grad(handle) }

    /// Adds the gradient of this scalar to every leaf it depends on.
    public func backward() {
        if let message = ct_backward(handle) { fatalError("backward of \(self): \(String(cString: message))") }
    }
}
