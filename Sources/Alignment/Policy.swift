import Diffusion
import Layers
import Torch

/// The denoiser in training, and copies of it over the same weights that compute on other threads.
struct Policy {
    private let store: ParameterStore
    private let copies: [ParameterStore]
    /// The denoiser, and its copies.
    let denoisers: [any Denoiser]

    /// Threads share the operators of a large network, whose gradients are large too, and the batch of a small one.
    private static let greatestBytesOfFurtherGradients = 256 << 20

    /// Builds a policy, with a copy for every further thread that takes part of a batch, each with gradients of its own.
    static func make(_ store: ParameterStore, _ build: (ParameterStore) throws -> any Denoiser) throws -> Policy {
        let first = try build(store)
        let bytes = store.trained.map { $0.value.count * $0.value.dtype.size }.reduce(0, +)
        let count = store.placement.device == .cpu ? min(Runtime.threads - 1, greatestBytesOfFurtherGradients / bytes) : 0
        let copies = (0..<max(0, count)).map { _ in ParameterStore(sharing: store) }
        return Policy(store: store, copies: copies, denoisers: [first] + (try copies.map(build)))
    }

    /// What is trained, by name.
    var trained: [(name: String, value: Tensor)] { store.trained }

    /// The whole network, with what was trained in its place.
    var merged: [(name: String, value: Tensor)] { store.merged }

    /// Where it computes.
    var device: Device { denoisers[0].device }

    /// Whether no weight is infinite or not a number.
    var isFinite: Bool { trained.allSatisfy(\.value.isFinite) }

    /// Adds up the gradients of the copies, in their order, and clears them there.
    func sumGradients() { for copy in copies { store.addGradients(of: copy) } }
}

extension Policy: Restorable {
    var state: [(name: String, value: Tensor)] { trained }

    func restore(_ saved: [String: Tensor]) throws {
        let own = Dictionary(uniqueKeysWithValues: trained.map { ($0.name, $0.value) })
        let missing = own.keys.filter { saved[$0] == nil }.sorted()
        let extra = saved.keys.filter { own[$0] == nil }.sorted()
        let misshaped = own.compactMap { name, value in saved[name].flatMap { $0.shape == value.shape ? nil : "\(name) is \($0.shape), not \(value.shape)" } }
        guard missing.isEmpty, extra.isEmpty, misshaped.isEmpty else {
            throw ParameterError(origin: nil, missing: missing, misshaped: misshaped.sorted(), extra: extra)
        }
        noGradients { for (name, value) in own { value.copy_(saved[name]!) } }
    }
}
