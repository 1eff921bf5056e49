import Storage
import Torch

/// A scope in a named tree of tensors: `p["down_blocks"][0]["conv1"]("weight", [64, 32, 3, 3])`.
///
/// Layers ask for their tensors by name and shape while they are built; where these come from (a file, an initialiser) is the store's matter.
public struct Parameters {
    let store: ParameterStore
    let path: String

    public subscript(_ name: String) -> Parameters { Parameters(store: store, path: path.isEmpty ? name : path + "." + name) }
    public subscript(_ index: Int) -> Parameters { self[String(index)] }

    /// The tensor `name` of this scope. A wrong or missing one is noted and reported by `ParameterStore.build` with all others.
    public func callAsFunction(_ name: String, _ shape: [Int], _ initializer: Initializer) -> Tensor {
        store.take(path.isEmpty ? name : path + "." + name, shape, initializer)
    }
}

extension Parameters {
    /// Where the network's tensors lie: for constants of its own.
    public var device: Device { store.placement.device }

    /// The adapter of the layer of this scope, where the store has one.
    /// - Parameter inputs: the weight's axes after the first
    public func adapter(_ outputs: Int, _ inputs: [Int]) -> LowRankAdapter? { store.adapter(path, outputs, inputs) }
}

/// How a tensor starts where no file gives it.
public enum Initializer: Sendable {
    case zeros
    case ones
    /// Uniform in ±bound.
    case uniform(Double)
    case normal(deviation: Double)
    /// Numbers that are part of the network and never trained, such as a table of positions; a file's stand in their place. Made where they are used.
    case constant(@Sendable () -> Tensor)

    /// libtorch's default for linear and convolution weights and biases: uniform in ±1/√fan-in.
    public static func fanIn(_ count: Int) -> Initializer { .uniform(1 / Double(count).squareRoot()) }

    fileprivate var isConstant: Bool { if case .constant = self { true } else { false } }
}

/// The tensors of one network by name: read from a file or freshly initialised.
public final class ParameterStore {
    /// Where they lie, and their type: float32 on the processor by default.
    public let placement: Placement
    /// Empty once the network is built: it may keep a whole file mapped.
    private var source: [String: Tensor]?
    private let origin: String?
    /// Whether the tensors of `source` stand for shapes alone.
    private let isOutline: Bool
    private let seed: UInt64
    private let isTrainable: Bool
    /// Which of the tensors are trained, by name, where any are and no adapters stand beside them.
    private let isTrained: (String) -> Bool
    /// Whether the tensors of `source` are used as they are, whatever happens to them.
    private let isShared: Bool
    /// Beside the tensors of `source`: where there are any, they alone are trained.
    private let adapters: LowRankAdapters?
    /// Whether the network stays in the pages of its file, in the file's order.
    private let staysMapped: Bool
    private var missing: [String] = []
    private var misshaped: [String] = []
    /// In the order in which the layers asked.
    public private(set) var parameters: [(name: String, value: Tensor)] = []

    /// Takes tensors by name from `source`. Trainable ones are copies that require gradients. Others are used as they are in a large network
    /// (`isLarge`), and in a small one where they lie in memory as libtorch's own do.
    /// On another device than the processor each is copied there by itself when its layer asks for it: a mapped file needs no second copy in memory.
    /// - Parameters:
    ///   - origin: the file that the tensors come from, for the error's text
    ///   - isTrained: which tensors of a trainable network are trained, by name; the others stay the source's own
    ///   - adapters: stand beside layers of the network and are trained instead of it
    public init(
        _ source: [String: Tensor], from origin: String? = nil, isTrainable: Bool = false, training isTrained: @escaping (String) -> Bool = { _ in true },
        adapters: LowRankAdapters? = nil, on placement: Placement = Placement()
    ) {
        self.placement = placement
        self.source = source
        self.adapters = adapters
        self.origin = origin
        isOutline = false
        self.seed = 0
        self.isTrainable = isTrainable
        self.isTrained = isTrained
        isShared = false
        staysMapped = placement.device == .cpu && Self.isLarge(source)
    }

    /// Whether a network is so large that a second copy of its weights, laid out for speed, costs more than it gains. It then stays as its file has
    /// it: of its convolutions those of few pixels take the weights in either order, and the others order them anew at every call.
    public static func isLarge(_ tensors: [String: Tensor]) -> Bool { tensors.values.reduce(0) { $0 + $1.count } >= 1 << 26 }

    /// The weights of another store, in the same memory, with gradients of their own: for a second copy of a network that is trained on another
    /// thread. See `addGradients(of:)`.
    public init(sharing other: ParameterStore) {
        placement = other.placement
        source = other.tensors.filter { !LowRankAdapters.isOne($0.key) }
        adapters = other.adapters.map { LowRankAdapters(other.tensors.filter { LowRankAdapters.isOne($0.key) }, scale: $0.scale) }
        origin = other.origin
        isOutline = false
        seed = 0
        isTrainable = true
        isTrained = other.isTrained
        isShared = true
        staysMapped = other.staysMapped
    }

    /// Tensors known by name and shape alone, to hold a file's header against a configuration: the network that is built takes no memory, and
    /// cannot compute anything of worth.
    public init(shapes: [String: [Int]], from origin: String? = nil) {
        placement = Placement()
        source = shapes.mapValues(Self.placeholder)
        adapters = nil
        self.origin = origin
        isOutline = true
        seed = 0
        isTrainable = false
        isTrained = { _ in true }
        isShared = false
        staysMapped = false
    }

    /// Initialises every tensor by a generator of its own, seeded by `seed` and the tensor's name, whatever the device.
    public init(seed: UInt64, isTrainable: Bool = true, on placement: Placement = Placement()) {
        self.placement = placement
        source = nil
        adapters = nil
        origin = nil
        isOutline = false
        self.seed = seed
        self.isTrainable = isTrainable
        isTrained = { _ in true }
        isShared = false
        staysMapped = false
    }

    /// Those that require gradients.
    public var trained: [(name: String, value: Tensor)] { isTrainable ? parameters.filter(\.value.requiresGradient) : [] }

    /// The network without adapters that gives the same numbers: their changes added to the weights.
    public var merged: [(name: String, value: Tensor)] {
        guard let adapters else { return parameters }
        let own = LowRankAdapters(tensors.filter { LowRankAdapters.isOne($0.key) }, scale: adapters.scale)
        return parameters.filter { !LowRankAdapters.isOne($0.name) }.map { name, value in
            guard name.hasSuffix(".weight"), let change = own.change(of: String(name.dropLast(".weight".count))) else { return (name, value) }
            return (name, noGradients { value + change.reshaped(value.shape) })
        }
    }

    /// The tensors by name, outside the graph of differentiation.
    public var tensors: [String: Tensor] { Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.value.detached) }) }

    /// Adds the gradients of a store that shares these weights, and clears them there.
    public func addGradients(of other: ParameterStore) {
        for (own, others) in zip(parameters, other.parameters) {
            guard let gradient = others.value.gradient else { continue }
            guard let sum = own.value.gradient else { preconditionFailure("\(own.name) has no gradient that another's could be added to") }
            sum.add_(gradient)
            others.value.clearGradient()
        }
    }

    /// Builds the one network over these tensors. Throws one error that lists every missing, misshaped and unused tensor.
    public func build<Network>(_ make: (Parameters) throws -> Network) throws -> Network {
        precondition(parameters.isEmpty, "a store serves one network")
        let network = try make(Parameters(store: self, path: ""))
        let used = Set(parameters.map(\.name))
        let extra = (Array((source ?? [:]).keys) + Array((adapters?.tensors ?? [:]).keys)).filter { !used.contains($0) }.sorted()
        guard missing.isEmpty, misshaped.isEmpty, extra.isEmpty else {
            throw ParameterError(origin: origin, missing: missing, misshaped: misshaped, extra: extra)
        }
        if source != nil { source = [:] }
        return network
    }

    func take(_ name: String, _ shape: [Int], _ initializer: Initializer) -> Tensor {
        let tensor = noGradients { value(name, shape, initializer) }
        if trains(name), !initializer.isConstant { tensor.requiresGradient = true }
        parameters.append((name, tensor))
        return tensor
    }

    private func trains(_ name: String) -> Bool { isTrainable && adapters == nil && isTrained(name) }

    func adapter(_ path: String, _ outputs: Int, _ inputs: [Int]) -> LowRankAdapter? {
        guard let adapters, let down = adapters.tensors[path + LowRankAdapters.down], let up = adapters.tensors[path + LowRankAdapters.up] else {
            return nil
        }
        guard down.rank == 1 + inputs.count, Array(down.shape[1...]) == inputs, up.shape == [outputs, down.size(0)] + inputs.dropFirst().map({ _ in 1 })
        else {
            misshaped.append("the adapter of \(path) is \(up.shape) · \(down.shape), and the weight \([outputs] + inputs)")
            return nil
        }
        func own(_ tensor: Tensor, _ name: String) -> Tensor {
            let own = noGradients { isShared ? tensor : isTrainable || !tensor.isAligned ? tensor.to(placement).clone() : tensor.to(placement) }
            if isTrainable { own.requiresGradient = true }
            parameters.append((name, own))
            return own
        }
        return LowRankAdapter(
            down: own(down, path + LowRankAdapters.down), up: own(up, path + LowRankAdapters.up), scale: adapters.scale)
    }

    private func value(_ name: String, _ shape: [Int], _ initializer: Initializer) -> Tensor {
        guard let source else { return initialised(name, shape, initializer) }
        guard let found = source[name] else {
            missing.append(name)
            return Self.placeholder(shape)
        }
        guard found.shape == shape else {
            misshaped.append("\(name) is \(found.shape), not \(shape)")
            return Self.placeholder(shape)
        }
        if isOutline || isShared { return found }
        let placed = found.to(placement)
        if staysMapped { return trains(name) && found.dtype == placement.dtype ? placed.contiguous().clone() : placed }
        // Convolutions run on images with their channels last; weights in the same order save a copy at every call.
        let laidOut = shape.count == 4 ? placed.contiguous(.channelsLast) : placed
        // A trainable tensor is always a copy, for a change of layout need not make one: a 1×1 kernel lies the same in both, and is then the
        // source's own memory. And a file's tensors lie at any address, where a matrix product may add in another order than over memory of
        // libtorch's own: equal weights would not give equal bits.
        let isOwn = found.device.kind != placement.device.kind
        return trains(name) && !isOwn || !laidOut.isAligned ? laidOut.clone() : laidOut
    }

    /// Stands for a tensor that is not there. It takes no memory, whatever a damaged configuration asks for.
    private static func placeholder(_ shape: [Int]) -> Tensor { Tensor.zeros(shape.isEmpty ? [] : [1]).expanded(shape) }

    private func initialised(_ name: String, _ shape: [Int], _ initializer: Initializer) -> Tensor {
        let generator = Generator(seed: SeededGenerator.seed(seed, name, 0))
        let tensor =
            switch initializer {
            case .zeros: Tensor.zeros(shape)
            case .ones: Tensor.ones(shape)
            case .uniform(let bound): (generator.uniform(shape) * 2 - 1) * bound
            case .normal(let deviation): generator.normal(shape) * deviation
            case .constant(let make): make()
            }
        let placed = tensor.to(placement)
        return shape.count == 4 ? placed.contiguous(.channelsLast) : placed
    }
}
