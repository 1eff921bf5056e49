import CTorch

/// Runs `body` while every call of an operator through `Operator.call`, in whichever thread, fails whose tensors lie on more than one device.
///
/// For tests. libtorch lets linear layers, convolutions, matrix products, indexing and embeddings over tensors of its `meta` device and of the
/// processor pass in silence, which fail on a GPU. Tensors without axes are exempt, as they are on a GPU; so are the operators that bring data from one
/// device to another: `copy_`, `copy`, `_foreach_copy_`, `to` and `_to_copy`. What libtorch's own gradients call does not come through here.
public func checkingDevices<Result>(_ body: () throws -> Result) rethrows -> Result {
    ct_device_check_begin()
    defer { ct_device_check_end() }
    return try body()
}
