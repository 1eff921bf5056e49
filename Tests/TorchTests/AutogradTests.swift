import TestFiles
import Testing
import Torch

/// A differentiable function of float64 tensors.
struct DifferentiableCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let shapes: [[Int]]
    let function: @Sendable ([Tensor]) -> Tensor

    init(_ description: String, _ shapes: [[Int]], _ function: @escaping @Sendable ([Tensor]) -> Tensor) {
        testDescription = description
        self.shapes = shapes
        self.function = function
    }
}

private let cases: [DifferentiableCase] = [
    DifferentiableCase("product", [[2, 3], [3]]) { $0[0] * $0[1] + $0[0] },
    DifferentiableCase("quotient", [[2, 3], [2, 1]]) { $0[0] / ($0[1].squared + 1) },
    DifferentiableCase("matmul", [[2, 3, 4], [4, 2]]) { $0[0].matmul($0[1]) },
    DifferentiableCase("linear", [[2, 3], [4, 3], [4]]) { $0[0].linear($0[1], $0[2]) },
    DifferentiableCase("conv2d", [[2, 3, 5, 4], [4, 3, 3, 3], [4]]) { $0[0].conv2d($0[1], $0[2], stride: 2, padding: 1) },
    DifferentiableCase("conv2d, channels last", [[2, 3, 5, 4], [4, 3, 3, 3], [4]]) {
        $0[0].contiguous(.channelsLast).conv2d($0[1].contiguous(.channelsLast), $0[2], padding: 1)
    },
    DifferentiableCase("group norm", [[2, 6, 3, 2], [6], [6]]) { $0[0].groupNorm(groups: 3, $0[1], $0[2], epsilon: 1e-5) },
    DifferentiableCase("group norm, channels last", [[2, 6, 3, 2], [6], [6]]) {
        $0[0].contiguous(.channelsLast).groupNorm(groups: 3, $0[1], $0[2], epsilon: 1e-5)
    },
    DifferentiableCase("layer norm", [[3, 5], [5], [5]]) { $0[0].layerNorm($0[1], $0[2], epsilon: 1e-5) },
    DifferentiableCase("attention", [[2, 2, 3, 4], [2, 2, 5, 4], [2, 2, 5, 4]]) { .attention($0[0], $0[1], $0[2]) },
    DifferentiableCase("causal attention", [[1, 2, 4, 3], [1, 2, 4, 3], [1, 2, 4, 3]]) { .attention($0[0], $0[1], $0[2], isCausal: true) },
    DifferentiableCase("gated feed-forward", [[2, 3, 5], [12, 5], [12], [4, 6], [4]]) {
        $0[0].gatedFeedForward($0[1], $0[2], output: $0[3], $0[4])
    },
    DifferentiableCase("group norm, activated", [[2, 6, 3, 2], [6], [6]]) {
        $0[0].groupNorm(groups: 3, $0[1], $0[2], epsilon: 1e-5, activated: true)
    },
    DifferentiableCase("log sigmoid", [[7]]) { ($0[0] * 3).logSigmoid },
    DifferentiableCase("activations", [[5]]) { $0[0].silu + $0[0].gelu * 2 + $0[0].geluTanh * 3 + $0[0].mish * 4 + $0[0].sigmoid * 5 + $0[0].tanh },
    DifferentiableCase("embedding", [[4, 3]]) { $0[0].embedding(Tensor([2, 0, 2])) },
    DifferentiableCase("upsampling", [[1, 2, 3, 2]]) { $0[0].upsampledNearest(height: 6, width: 4) },
    DifferentiableCase("antialiased resize", [[1, 2, 6, 5]]) { $0[0].resizedBilinear(height: 3, width: 4) },
    DifferentiableCase("reductions", [[3, 4]]) { $0[0].mean([1]) + $0[0].sum([1]) * $0[0].norm() + $0[0].standardDeviation([1]) },
    DifferentiableCase("shapes", [[2, 3], [4]]) {
        Tensor.concatenated([$0[0].transposed(0, 1).flattened(), $0[1][1..<3].padded([1, 0])]).flipped([0]).gathered([0, 0, 5])
    },
]

@Suite struct AutogradTests {
    @Test(arguments: cases)
    func agreesWithFiniteDifferences(_ test: DifferentiableCase) {
        #expect(disagreement(of: test) < 1e-7)
    }

    /// Twin: a gradient that stops at one factor is half of what it should be, and the check says so.
    @Test func aWrongGradientShows() {
        #expect(disagreement(of: DifferentiableCase("stopped", [[4]]) { $0[0].detached * $0[0] }) > 0.1)
    }

    /// The greatest difference between libtorch's gradients and central differences of the output weighed with random numbers,
    /// relative to the greatest gradient.
    private func disagreement(of test: DifferentiableCase) -> Double {
        let random = Generator(seed: 5)
        let inputs = test.shapes.map { random.normal($0).to(.float64) }
        let weights = random.normal(test.function(inputs).shape).to(.float64)
        func loss(_ inputs: [Tensor]) -> Tensor { (test.function(inputs) * weights).sum() }

        let leaves = inputs.map { $0.clone() }
        for leaf in leaves { leaf.requiresGradient = true }
        loss(leaves).backward()

        let step = 1e-6
        var (worst, greatest) = (0.0, 0.0)
        for (i, input) in inputs.enumerated() {
            let gradient = leaves[i].gradient!.values(Double.self)
            for k in 0..<input.count {
                let (up, down) = (input.clone(), input.clone())
                up.flattened()[k].add_(Tensor([step], shape: []))
                down.flattened()[k].add_(Tensor([-step], shape: []))
                let moved = [up, down].map { changed in loss(inputs.indices.map { $0 == i ? changed : inputs[$0] }).item }
                let difference = (moved[0] - moved[1]) / (2 * step)
                worst = max(worst, abs(difference - gradient[k]))
                greatest = max(greatest, abs(difference))
            }
        }
        return worst / greatest
    }

    @Test func gradientsAddUpUntilCleared() {
        let x = Tensor([Float(3)])
        x.requiresGradient = true
        #expect(x.gradient == nil)
        x.squared.sum().backward()
        x.squared.sum().backward()
        #expect(x.gradient?.values() == [12])
        x.clearGradient()
        #expect(x.gradient == nil)
    }

    @Test func scopesDecideWhatIsRecorded() {
        let x = Tensor([Float(3)])
        x.requiresGradient = true
        #expect(x.squared.requiresGradient)
        noGradients {
            #expect(!x.squared.requiresGradient)
            withGradients { #expect(x.squared.requiresGradient) }
            #expect(!x.squared.requiresGradient)
        }
        #expect(x.squared.requiresGradient && !x.detached.squared.requiresGradient)
        struct Stop: Error {}
        #expect(throws: Stop.self) { try noGradients { throw Stop() } }
        #expect(x.squared.requiresGradient)
    }

    @Test func parametersChangeInPlaceWithoutAGradient() {
        let x = Tensor([Float(3)])
        x.requiresGradient = true
        x.add_(Tensor([Float(1)]), scale: -2)
        x.lerp_(Tensor([Float(5)]), 0.5)
        #expect(x.values() == [3] && x.requiresGradient)
        x.copy_(Tensor([8]))
        #expect(x.values() == [8] && x.dtype == .float32)
    }

    @Test func aRecomputedPartGivesTheSameGradients() throws {
        let random = Generator(seed: 11)
        let (w, x, y) = (random.normal([30, 20]), random.normal([5, 20]), random.normal([5, 30]))
        func gradients(_ recomputes: Bool, ofInputs: Bool) -> [[Float]?] {
            let (weight, a, b) = (w.clone(), x.clone(), y.clone())
            weight.requiresGradient = true
            if ofInputs { (a.requiresGradient, b.requiresGradient) = (true, true) }
            var runs = 0
            let body = { (a: Tensor, b: Tensor) in
                runs += 1
                return (a.linear(weight, nil) * b).silu
            }
            let once = recomputes ? Tensor.recomputed(a, b, body) : body(a, b)
            let twice = recomputes ? Tensor.recomputed(a, once, body) : body(a, once)
            twice.sum().backward()
            #expect(runs == (recomputes ? 4 : 2))
            return [weight, a, b].map { $0.gradient?.values() }
        }
        for ofInputs in [true, false] {
            let (plain, recomputed) = (gradients(false, ofInputs: ofInputs), gradients(true, ofInputs: ofInputs))
            #expect(plain == recomputed && plain[0] != nil && (plain[1] != nil) == ofInputs)
        }
        // Without gradients it simply runs, and its function is let go at once.
        noGradients { #expect(Tensor.recomputed(x, y) { a, b in a.linear(w, nil) * b }.requiresGradient == false) }
    }

    @Test func aRecomputedPartIsLetGoWithItsGraph() {
        final class Token: @unchecked Sendable {}
        weak var seen: Token?
        do {
            let token = Token()
            seen = token
            let x = Tensor.ones([2])
            x.requiresGradient = true
            let result = Tensor.recomputed(x, x) { a, b in withExtendedLifetime(token) { a * b } }
            result.sum().backward()
            #expect(x.gradient?.values() == [2, 2])
        }
        #expect(seen == nil)
    }
}
