import TestFiles
import TestSupport
import Testing
import Torch

/// CTorch's own float32 kernels against libtorch's operators in float64, which finite differences confirm: values and every gradient.
@Suite struct KernelTests {
    /// Lengths that fill the kernel's blocks and that do not, heads of every width it serves, and one that it leaves to libtorch.
    @Test(arguments: [(8, 64, 64), (8, 61, 77), (16, 16, 16), (16, 5, 130), (32, 33, 2), (32, 1, 40), (8, 3, 1024), (8, 2, 1025), (12, 7, 9)])
    func attention(_ channels: Int, _ queries: Int, _ keys: Int) {
        let heads = 3
        // Heads lie side by side in a row, as a linear layer leaves them.
        let split = { (x: Tensor) in x.reshaped([2, x.size(1), heads, channels]).transposed(1, 2) }
        let random = Generator(seed: 3)
        let inputs = [queries, keys, keys].map { random.normal([2, $0, heads * channels]) * 2 }
        let difference = disagreement(inputs) { .attention(split($0[0]), split($0[1]), split($0[2])) }
        #expect(difference < 3e-6, "\(difference)")
        // Twin: the check sees one key that is left out.
        let wrong = disagreement(inputs) { x in
            let seen = x[0].dtype == .float32 ? keys - 1 : keys
            return .attention(split(x[0]), split(x[1].slice(0..<seen, axis: 1)), split(x[2].slice(0..<seen, axis: 1)))
        }
        #expect(wrong > 1e-5, "\(wrong)")
    }

    /// Great scores: their exponentials would overflow without the row's greatest taken off.
    @Test func attentionOfGreatScores() {
        let random = Generator(seed: 4)
        let inputs = (0..<3).map { _ in random.normal([1, 2, 20, 8]) * 20 }
        #expect(disagreement(inputs) { .attention($0[0], $0[1], $0[2]) } < 1e-4)
    }

    @Test(arguments: 0..<3) func attentionPassesOnWhatIsNotANumber(_ which: Int) {
        let random = Generator(seed: 5)
        var inputs = (0..<3).map { _ in random.normal([1, 1, 6, 8]) }
        inputs[which] = inputs[which] + Tensor((0..<48).map { $0 == 17 ? Float.nan : 0 }, shape: [1, 1, 6, 8])
        #expect(!Tensor.attention(inputs[0], inputs[1], inputs[2]).isFinite)
    }

    @Test(arguments: [(64, 32, 16, 16), (32, 8, 7, 5), (96, 32, 3, 3), (16, 1, 1, 1), (20, 4, 4, 4), (16, 8, 9, 8)], [false, true])
    func groupNorm(_ shape: (channels: Int, groups: Int, height: Int, width: Int), activated: Bool) {
        let random = Generator(seed: 6)
        let inputs = [random.normal([3, shape.channels, shape.height, shape.width]) * 3 + 5, random.normal([shape.channels]), random.normal([shape.channels])]
        func run(_ offset: Double) -> Double {
            disagreement(inputs) {
                $0[0].contiguous(.channelsLast).groupNorm(
                    groups: shape.groups, $0[1], $0[2], epsilon: $0[0].dtype == .float32 ? 1e-5 + offset : 1e-5, activated: activated)
            }
        }
        let difference = run(0)
        #expect(difference < 1e-5, "\(difference)")
        if shape.channels / shape.groups * shape.height * shape.width > 16 { #expect(run(1e-2) > 1e-4) }
    }

    @Test func groupNormPassesOnWhatIsNotANumber() {
        let x = Tensor((0..<32).map { $0 == 5 ? Float.nan : 1 }, shape: [1, 16, 2, 1])
        for activated in [false, true] {
            #expect(!x.groupNorm(groups: 4, .ones([16]), .zeros([16]), epsilon: 1e-5, activated: activated).isFinite)
        }
    }

    /// Few pixels and more than a million weights, which are not reordered then; and more pixels, which are libtorch's.
    @Test(arguments: [(5, 4, 3, 1, 1), (7, 6, 3, 2, 1), (6, 6, 3, 2, 0), (4, 3, 1, 1, 0), (12, 12, 3, 1, 1)], [false, true])
    func convolution(_ shape: (height: Int, width: Int, kernel: Int, stride: Int, padding: Int), channelsLast: Bool) {
        let channels = shape.kernel == 1 ? (1056, 1008) : (352, 336)
        let random = Generator(seed: 12)
        let inputs = [
            random.normal([2, channels.0, shape.height, shape.width]), random.normal([channels.1, channels.0, shape.kernel, shape.kernel]),
            random.normal([channels.1]),
        ]
        func run(_ factor: Double) -> Double {
            disagreement(inputs) {
                let weight = channelsLast ? $0[1].contiguous(.channelsLast) : $0[1]
                let scale = $0[0].dtype == .float32 ? factor : 1
                return ($0[0] * scale).contiguous(.channelsLast).conv2d(weight, $0[2], stride: shape.stride, padding: shape.padding)
            }
        }
        #expect(run(1) < 3e-6, "\(run(1))")
        #expect(run(1.001) > 1e-4)
    }

    /// With and without a bias, over matrices large enough for oneDNN's product.
    @Test(arguments: [[5, 7, 400], [400]], [false, true]) func linear(_ shape: [Int], biased: Bool) {
        let random = Generator(seed: 13)
        let inputs = [random.normal(shape), random.normal([360, 400])] + (biased ? [random.normal([360])] : [])
        func run(_ factor: Double) -> Double {
            disagreement(inputs) { $0[0].linear($0[1] * ($0[0].dtype == .float32 ? factor : 1), biased ? $0[2] : nil) }
        }
        #expect(run(1) < 3e-6, "\(run(1))")
        #expect(run(1.001) > 1e-4)
    }

    /// Rows that do not lie next to each other, and a matrix that is another's transpose.
    @Test func linearOfViews() {
        let random = Generator(seed: 15)
        let inputs = [random.normal([400, 9]), random.normal([400, 360]), random.normal([360])]
        let difference = disagreement(inputs) { $0[0].transposed(0, 1).linear($0[1].transposed(0, 1), $0[2]) }
        #expect(difference < 3e-6, "\(difference)")
    }

    /// Beside adapters weights are frozen: what comes before them has the gradient that it would have, and they have none.
    @Test func frozenWeightsHaveNoGradient() {
        let random = Generator(seed: 14)
        func gradients(_ shapes: [[Int]], _ function: ([Tensor]) -> Tensor) -> [[Tensor?]] {
            let inputs = shapes.map { random.normal($0) }
            return [inputs.count, 1].map { trained in
                let leaves = inputs.map { $0.clone() }
                for leaf in leaves[..<trained] { leaf.requiresGradient = true }
                function(leaves).squared.sum().backward()
                return leaves.map(\.gradient)
            }
        }
        let layers = [
            gradients([[2, 352, 4, 4], [336, 352, 3, 3], [336]]) { $0[0].conv2d($0[1], $0[2], padding: 1) },
            gradients([[5, 400], [360, 400], [360]]) { $0[0].linear($0[1], $0[2]) },
            gradients([[5, 400], [2 * 360, 400], [2 * 360], [400, 360], [400]]) { $0[0].gatedFeedForward($0[1], $0[2], output: $0[3], $0[4]) },
        ]
        for both in layers {
            #expect(both[0].allSatisfy { $0 != nil } && both[1].dropFirst().allSatisfy { $0 == nil })
            #expect(sameBits(both[0][0]!, both[1][0]!))
        }
    }

    /// It computes its wide middle anew for the gradient.
    @Test(arguments: [([2, 5, 12], 20), ([7, 12], 20), ([7, 400], 360)]) func gatedFeedForward(_ shape: [Int], hidden: Int) {
        let random = Generator(seed: 9)
        let inputs = [shape, [2 * hidden, shape.last!], [2 * hidden], [406, hidden], [406]].map { random.normal($0) }
        func run(_ factor: Double) -> Double {
            disagreement(inputs) { $0[0].gatedFeedForward($0[1] * ($0[0].dtype == .float32 ? factor : 1), $0[2], output: $0[3], $0[4]) }
        }
        #expect(run(1) < 1e-5, "\(run(1))")
        #expect(run(1.001) > 1e-4)
    }

    /// The same layer out of single operators, in float64.
    @Test func gatedFeedForwardIsTwoLinearLayersAndAGate() {
        let random = Generator(seed: 10)
        let x = [[3, 4, 12], [2 * 20, 12], [2 * 20], [6, 20], [6]].map { random.normal($0).to(.float64) }
        let own = run(x) { $0[0].gatedFeedForward($0[1], $0[2], output: $0[3], $0[4]) }
        let plain = run(x) {
            let halves = $0[0].linear($0[1], $0[2]).chunks(2, axis: -1)
            return (halves[0] * halves[1].gelu).linear($0[3], $0[4])
        }
        for (a, b) in zip(own, plain) { #expect((a - b).magnitude.max().item < 1e-12) }
    }

    /// Heads and images are each one thread's work.
    @Test func resultsDoNotDependOnThreads() {
        let random = Generator(seed: 7)
        let (q, x) = (random.normal([4, 4, 50, 8]), random.normal([4, 32, 8, 8]).contiguous(.channelsLast))
        let threads = Runtime.threads
        defer { Runtime.threads = threads }
        let results = [1, 2].map { count -> [Float] in
            Runtime.threads = count
            return Tensor.attention(q, q, q).values() + x.groupNorm(groups: 8, .ones([32]), .zeros([32]), epsilon: 1e-5, activated: true).values()
        }
        #expect(results[0] == results[1])
    }

    /// The greatest difference of value or gradient between float32 and float64, relative to the greatest of each.
    private func disagreement(_ inputs: [Tensor], _ function: ([Tensor]) -> Tensor) -> Double {
        let (single, double) = (run(inputs, function), run(inputs.map { $0.to(.float64) }, function))
        return zip(single, double).map { a, b in (a.to(.float64) - b).magnitude.max().item / max(b.magnitude.max().item, 1e-3) }.max()!
    }

    private func run(_ inputs: [Tensor], _ function: ([Tensor]) -> Tensor) -> [Tensor] {
        let leaves = inputs.map { $0.clone() }
        for leaf in leaves { leaf.requiresGradient = true }
        let value = function(leaves)
        let weights = Generator(seed: 8).normal(value.shape).to(value.dtype)
        (value * weights).sum().backward()
        return [value.detached] + leaves.map { $0.gradient! }
    }
}
