import Layers
import Networks
import TestFiles
import TestSupport
import Testing
import Torch

/// The networks that measure clips, small and with random weights, against PyTorch's functions.
@Suite struct ClipNetworkTests {
    private struct Case: Decodable {
        struct Volume: Decodable {
            let stem: [Int]
            let mixed: [Int]
            let classes: Int
            let wave: Double
            let outputs: [String: [Double]]
        }
        struct Pictures: Decodable {
            let channels: [Int]
            let output: Double
        }
        let i3d: Volume
        let lpips_alex: Pictures
        let lpips_vgg: Pictures
    }

    private let expected: Case

    init() throws { expected = try Fixture.json("metrics/case.json") }

    private static func wave(_ shape: [Int], _ factor: Double) -> Tensor {
        (Tensor.range(shape.reduce(1, *), on: Placement(.cpu, .float64)) * factor).sine.to(.float32).reshaped(shape)
    }

    private var configuration: I3DConfiguration {
        var configuration = I3DConfiguration()
        (configuration.stem, configuration.classes) = (expected.i3d.stem, expected.i3d.classes)
        configuration.mixed = Array(repeating: expected.i3d.mixed, count: 9)
        return configuration
    }

    /// The largest difference from PyTorch's logits of a clip with that many frames.
    private func difference(
        frames: Int, weights: (String, Tensor) -> Tensor = { $1 }, clip change: (Tensor) -> Tensor = { $0 },
        configuration changed: (inout I3DConfiguration) -> Void = { _ in }
    ) throws -> Double {
        var configuration = configuration
        changed(&configuration)
        var tensors: [String: Tensor] = [:]
        for (name, tensor) in try Fixture.tensors("metrics/i3d.safetensors") { tensors[name] = weights(name, tensor) }
        return try noGradients {
            let network = try ParameterStore(tensors).build { I3D($0, configuration) }
            let logits = network(change(Self.wave([1, 3, frames, 224, 224], expected.i3d.wave)))
            let values = try #require(expected.i3d.outputs[String(frames)])
            return largestDifference(logits, Tensor(values, shape: [1, values.count]).to(.float32))
        }
    }

    @Test(arguments: [10, 13, 17]) func i3dIsThatOfThePaper(_ frames: Int) throws {
        let difference = try difference(frames: frames)
        print("i3d, \(frames) frames: \(difference)")
        #expect(difference <= 2e-5)
    }

    /// A mirrored clip under mirrored kernels meets TensorFlow's odd zero at the other end, as a padding that puts it first would.
    @Test(arguments: [4, 3, 2]) func thePaddingOnTheWrongSideShows(_ axis: Int) throws {
        let difference = try difference(frames: 10, weights: { $1.rank == 5 ? $1.flipped([axis]) : $1 }, clip: { $0.flipped([axis]) })
        #expect(difference > 1e-3)
    }

    @Test func otherWrongDetailsShow() throws {
        #expect(try difference(frames: 10, clip: { $0 / 2 + 0.5 }) > 1e-2, "[0, 1] instead of [−1, 1]")
        #expect(try difference(frames: 10, configuration: { $0.epsilon = 1e-5 }) > 1e-3)
        #expect(try difference(frames: 17, configuration: { $0.pooledFrames = 1 }) > 1e-3)
        #expect(try difference(frames: 10, clip: { $0.flipped([1]) }) > 1e-3, "blue first")
        #expect(try difference(frames: 10, weights: { name, tensor in name == "Mixed_4f.b2b.bn.bias" ? -tensor : tensor }) > 1e-3)
    }

    /// Files of the PyTorch port have a factor, which is one where they come from TensorFlow's.
    @Test func aFactorOfItsOwnIsApplied() throws {
        let plain = try Fixture.tensors("metrics/i3d.safetensors")
        func logits(_ factor: Double) throws -> Tensor {
            var (tensors, configuration) = (plain, configuration)
            for (name, tensor) in plain where name.hasSuffix(".bn.bias") {
                tensors[name.replacing(".bn.bias", with: ".bn.weight")] = Tensor.full(tensor.shape, factor)
            }
            configuration.hasScale = true
            return try noGradients {
                try ParameterStore(tensors).build { I3D($0, configuration) }(Self.wave([1, 3, 10, 224, 224], expected.i3d.wave))
            }
        }
        let values = try #require(expected.i3d.outputs["10"])
        let right = Tensor(values, shape: [1, values.count]).to(.float32)
        #expect(try largestDifference(logits(1), right) <= 2e-5)
        #expect(try largestDifference(logits(1.1), right) > 1e-3)
    }

    @Test func nineFramesAreEnough() throws {
        let network = try noGradients { try ParameterStore(Fixture.tensors("metrics/i3d.safetensors")).build { I3D($0, configuration) } }
        #expect(I3D.fewestFrames == 9)
        let logits = noGradients { network(Self.wave([1, 3, 9, 224, 224], 0.01)) }
        #expect(logits.shape == [1, expected.i3d.classes] && logits.isFinite)
    }

    private func lpips(_ trunk: LPIPSConfiguration.Trunk, shift: Double = 0, swapped: Bool = false) throws -> Double {
        let expected = trunk == .alex ? expected.lpips_alex : expected.lpips_vgg
        var configuration = LPIPSConfiguration(trunk)
        configuration.channels = expected.channels
        var tensors = try Fixture.tensors("metrics/lpips-\(trunk.rawValue).safetensors")
        if swapped { tensors["lin1.model.1.weight"] = tensors["lin1.model.1.weight"]!.flipped([1]) }
        return try noGradients {
            let network = try ParameterStore(tensors).build { LPIPSNetwork($0, configuration) }
            let count = Tensor.range(3 * 64 * 64, on: Placement(.cpu, .float64))
            let (x, y) = ((count * 0.01).sine, (count * 0.013).cosine)
            func picture(_ values: Tensor) -> Tensor { values.to(.float32).reshaped([1, 3, 64, 64]) + shift }
            return abs(network(picture(x), picture(y)).item - expected.output)
        }
    }

    @Test(arguments: LPIPSConfiguration.Trunk.allCases) func lpipsIsThatOfItsAuthors(_ trunk: LPIPSConfiguration.Trunk) throws {
        let difference = try lpips(trunk)
        print("lpips \(trunk): \(difference)")
        #expect(difference <= 1e-5)
        #expect(try lpips(trunk, shift: 0.5) > 1e-3, "values elsewhere")
        #expect(try lpips(trunk, swapped: true) > 1e-4, "a head the wrong way round")
    }

    @Test func equalPicturesHaveNoDistanceAndTheBatchIsKeptApart() throws {
        var configuration = LPIPSConfiguration(.alex)
        configuration.channels = expected.lpips_alex.channels
        let network = try ParameterStore(Fixture.tensors("metrics/lpips-alex.safetensors")).build { LPIPSNetwork($0, configuration) }
        let x = Self.wave([2, 3, 40, 33], 0.02)
        let distances = noGradients { network(x, Tensor.concatenated([x[0..<1], x[0..<1]])) }.values(Double.self)
        #expect(distances[0] == 0 && distances[1] > 1e-3)
    }

    @Test func bothRunWithoutElements() throws {
        let meta = Placement(.meta)
        try checkingDevices {
            try noGradients {
                let clips = try ParameterStore(seed: 1, isTrainable: false, on: meta).build { I3D($0, configuration) }
                #expect(clips(Tensor.zeros([2, 3, 16, 224, 224], on: meta)).shape == [2, expected.i3d.classes])
                for trunk in LPIPSConfiguration.Trunk.allCases {
                    let pictures = try ParameterStore(seed: 1, isTrainable: false, on: meta).build { LPIPSNetwork($0, LPIPSConfiguration(trunk)) }
                    let x = Tensor.zeros([2, 3, 64, 64], on: meta)
                    #expect(pictures(x, x).shape == [2])
                }
            }
        }
    }
}
