extension Tensor {
    /// Eigenvalues, ascending, and eigenvectors, a column each, of this symmetric matrix, of which the lower triangle is read.
    public var symmetricEigen: (values: Tensor, vectors: Tensor) {
        let parts = Self.eigh.all(.tensor(self))
        return (parts[0], parts[1])
    }

    private static let eigh = Operator("linalg_eigh")
}
