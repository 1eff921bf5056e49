import Layers
import Testing
import Torch

@Suite struct ParametersTests {
    /// A network of a linear layer, a 3×3 and a 1×1 convolution.
    private struct Network {
        let linear: Linear
        let wide: Conv2d
        let narrow: Conv2d

        init(_ p: Parameters) {
            linear = Linear(p["linear"], 3, 2)
            wide = Conv2d(p["convolutions"][0], 2, 4, kernel: 3, padding: 1)
            narrow = Conv2d(p["convolutions"][1], 4, 4, kernel: 1)
        }
    }

    private static func fresh(seed: UInt64) throws -> [String: Tensor] {
        let store = ParameterStore(seed: seed)
        _ = try store.build(Network.init)
        return store.tensors
    }

    @Test func aScopeNamesItsTensorsAsAPath() throws {
        let shapes = try Self.fresh(seed: 1).mapValues(\.shape)
        #expect(
            shapes == [
                "linear.weight": [2, 3], "linear.bias": [2], "convolutions.0.weight": [4, 2, 3, 3], "convolutions.0.bias": [4],
                "convolutions.1.weight": [4, 4, 1, 1], "convolutions.1.bias": [4],
            ])
    }

    @Test func aSharingStoreHasTheSameWeightsAndGradientsOfItsOwn() throws {
        let store = ParameterStore(seed: 1)
        let network = try store.build(Network.init)
        let other = ParameterStore(sharing: store)
        let copy = try other.build(Network.init)
        let x = Tensor([1, 2, 3] as [Float], shape: [1, 3])
        network.linear(x).sum().backward()
        copy.linear(x * 10).sum().backward()
        let names = ["linear.weight", "linear.bias"]
        func gradients(_ store: ParameterStore) -> [[Float]?] { store.parameters.filter { names.contains($0.name) }.map { $0.value.gradient?.values() } }
        #expect(gradients(store) == [[1, 2, 3, 1, 2, 3], [1, 1]] && gradients(other) == [[10, 20, 30, 10, 20, 30], [1, 1]])
        store.addGradients(of: other)
        #expect(gradients(store) == [[11, 22, 33, 11, 22, 33], [2, 2]] && gradients(other) == [nil, nil])
        store.parameters[0].value.multiply_(0)
        #expect(other.parameters[0].value.values().allSatisfy { $0 == 0 }, "one memory")
    }

    @Test func oneErrorListsEverythingThatDoesNotFit() throws {
        var tensors = try Self.fresh(seed: 1)
        tensors["linear.weight"] = nil
        tensors["convolutions.0.bias"] = nil
        tensors["linear.bias"] = Tensor.zeros([3])
        tensors["convolutions.1.weight"] = Tensor.zeros([4, 4])
        tensors["stray"] = Tensor.zeros([1])
        tensors["another.stray"] = Tensor.zeros([1])
        let error = try #require(throws: ParameterError.self) { try ParameterStore(tensors, from: "weights.safetensors").build(Network.init) }
        #expect(error.origin == "weights.safetensors")
        #expect(error.missing == ["linear.weight", "convolutions.0.bias"])
        #expect(error.misshaped == ["linear.bias is [3], not [2]", "convolutions.1.weight is [4, 4], not [4, 4, 1, 1]"])
        #expect(error.extra == ["another.stray", "stray"])
        for text in ["weights.safetensors", "linear.weight, convolutions.0.bias", "linear.bias is [3], not [2]", "another.stray, stray"] {
            #expect(error.description.contains(text))
        }
    }

    @Test func manyWrongTensorsAreCountedInTheText() throws {
        let tensors = Dictionary(uniqueKeysWithValues: (0..<500).map { ("stray\($0)", Tensor.zeros([1])) })
        let error = try #require(throws: ParameterError.self) { try ParameterStore(tensors).build { _ in } }
        #expect(error.extra.count == 500)
        #expect(error.description.contains("(500)") && error.description.hasSuffix("and 400 more"))
    }

    @Test func aTensorThatIsNotThereTakesNoMemory() {
        #expect(throws: ParameterError.self) { try ParameterStore([:]).build { Linear($0, 1 << 30, 1 << 30) } }
        #expect(throws: ParameterError.self) { try ParameterStore(["weight": Tensor.zeros([1])]).build { Conv2d($0, 1 << 20, 1 << 20, kernel: 3) } }
    }

    // Initialisation.

    @Test func equalSeedsGiveEqualTensors() throws {
        let (first, again, other) = try (Self.fresh(seed: 5), Self.fresh(seed: 5), Self.fresh(seed: 6))
        for (name, tensor) in first {
            #expect(tensor.values(Float.self) == again[name]!.values())
            #expect(tensor.values(Float.self) != other[name]!.values())
        }
    }

    @Test func aTensorDependsOnSeedAndNameAndNotOnTheOrder() throws {
        func take(_ names: [String]) throws -> [String: Tensor] {
            let store = ParameterStore(seed: 3)
            try store.build { p in for name in names { _ = p[name]("weight", [5, 4], .normal(deviation: 1)) } }
            return store.tensors
        }
        let (forwards, backwards) = try (take(["a", "b", "c"]), take(["c", "a"]))
        for name in ["a.weight", "c.weight"] { #expect(forwards[name]!.values(Float.self) == backwards[name]!.values()) }
        #expect(forwards["a.weight"]!.values(Float.self) != forwards["b.weight"]!.values())
    }

    @Test func initialisersHaveTheirSpread() throws {
        let store = ParameterStore(seed: 2)
        try store.build { p in
            _ = p("uniform", [100, 100], .fanIn(25))
            _ = p("normal", [100, 100], .normal(deviation: 0.02))
            _ = p("ones", [3], .ones)
            _ = p("zeros", [3], .zeros)
        }
        let tensors = store.tensors
        let uniform = tensors["uniform"]!
        #expect(uniform.magnitude.max().item <= 0.2 && uniform.magnitude.max().item > 0.199)
        #expect(abs(uniform.mean().item) < 0.005)
        #expect(abs(tensors["normal"]!.standardDeviation([0, 1]).item - 0.02) < 0.001)
        #expect(tensors["ones"]!.values(Float.self) == [1, 1, 1] && tensors["zeros"]!.values(Float.self) == [0, 0, 0])
    }

    // Large networks.

    /// They stay where they are, at any address and in any order; a small one is laid out for speed. The policy is a copy of either.
    @Test(arguments: [true, false]) func aLargeNetworkIsNotCopied(isLarge: Bool) throws {
        // Of memory that is never touched.
        let count = isLarge ? 1 << 26 : 1 << 10
        let weights = Tensor.zeros([count + 1]).slice(1..<count + 1, axis: 0)
        let source = ["conv.weight": weights.slice(0..<64, axis: 0).reshaped([4, 4, 2, 2]), "rest": weights.slice(64..<count, axis: 0)]
        func place(_ tensor: Tensor) -> UnsafeRawPointer? { tensor.withUnsafeBytes { $0.baseAddress } }
        let store = ParameterStore(source)
        try store.build { p in
            _ = p["conv"]("weight", [4, 4, 2, 2], .zeros)
            _ = p("rest", [count - 64], .zeros)
        }
        #expect(ParameterStore.isLarge(source) == isLarge)
        for (name, value) in store.parameters where name == "rest" { #expect((place(value) == place(source[name]!)) == isLarge) }
        #expect((store.parameters[0].value.strides == source["conv.weight"]!.strides) == isLarge)
    }

    // Training.

    @Test func trainableTensorsAreCopiesOfTheirOwn() throws {
        let source = try Self.fresh(seed: 1)
        let before = source.mapValues { $0.values(Float.self) }
        let (policy, other) = (ParameterStore(source, isTrainable: true), ParameterStore(source, isTrainable: true))
        _ = (try policy.build(Network.init), try other.build(Network.init))
        for (_, value) in policy.parameters {
            #expect(value.requiresGradient)
            value.multiply_(2)
        }
        for (name, value) in other.parameters {
            #expect(value.values() == before[name])
            #expect(source[name]!.values() == before[name] && !source[name]!.requiresGradient)
        }
    }

    // Placement.

    @Test(arguments: [Placement(.meta), Placement(.meta, .bfloat16), Placement(.cpu, .float64)], [true, false])
    func tensorsLieWhereTheStoreSays(_ placement: Placement, isTrainable: Bool) throws {
        let source = try Self.fresh(seed: 1)
        let read = ParameterStore(source.mapValues { $0.to(.float16) }, isTrainable: isTrainable, on: placement)
        let fresh = ParameterStore(seed: 1, isTrainable: isTrainable, on: placement)
        for store in [read, fresh] {
            _ = try store.build { p in
                #expect(p.device == placement.device)
                return Network(p)
            }
            let copy = ParameterStore(sharing: store)
            _ = try copy.build(Network.init)
            #expect(copy.placement == placement)
            for (name, value) in store.parameters {
                #expect(value.placement == placement && value.requiresGradient == isTrainable)
                if value.rank == 4 { #expect(value.strides == source[name]!.strides, "channels last") }
            }
        }
    }

    @Test func freshNumbersDoNotDependOnThePlacement() throws {
        let store = ParameterStore(seed: 5, on: Placement(.cpu, .float64))
        _ = try store.build(Network.init)
        for (name, tensor) in try Self.fresh(seed: 5) { #expect(store.tensors[name]!.values(Double.self) == tensor.values(Double.self)) }
    }

    @Test func readTensorsRequireNoGradientAndAreSinglePrecision() throws {
        let store = ParameterStore(try Self.fresh(seed: 1).mapValues { $0.to(.float16) })
        _ = try store.build(Network.init)
        for (_, value) in store.parameters { #expect(!value.requiresGradient && value.dtype == .float32) }
    }
}
