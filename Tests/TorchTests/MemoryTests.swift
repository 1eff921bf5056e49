import TestFiles
import Torch

#if os(Linux) && compiler(>=6.2)
    import Foundation
    import TestSupport
    import Testing
    import Torch

    /// Ten thousand calls leave the resident memory where it was; in a process of their own, because other tests allocate too.
    @Suite struct MemoryTests {
        @Test func operatorsLeakNothing() async {
            await #expect(processExitsWith: .success) {
                let x = Tensor.ones([32, 32])
                let random = Generator(seed: 1)
                expectFlat {
                    let y = (x.matmul(x) + random.normal([32, 32])).silu.transposed(0, 1)
                    _ = y.chunks(4).map { $0.sum() } + [Tensor.concatenated([y, x]), y[1..<3], y.detached.to(.float16)]
                    _ = y.values(Double.self)
                }
            }
        }

        @Test func gradientsAndUpdatesLeakNothing() async {
            await #expect(processExitsWith: .success) {
                let weight = Tensor.ones([32, 32])
                weight.requiresGradient = true
                let optimizer = AdamW([("weight", weight)])
                let x = Tensor.ones([4, 32])
                expectFlat {
                    x.linear(weight, nil).squared.mean().backward()
                    optimizer.clipGradients(norm: optimizer.gradientNorm(), to: 1)
                    optimizer.step(learningRate: 1e-4)
                }
            }
        }

        @Test func failuresAndForeignMemoryLeakNothing() async {
            await #expect(processExitsWith: .success) {
                let folder = TemporaryFolder()
                let url = folder.url("x.safetensors")
                try SafeTensors.write([("x", .ones([4096]))], to: url)
                let matmul = try Operator(named: "aten::matmul")
                expectFlat {
                    #expect(throws: TorchError.self) { try matmul.call([.tensor(Tensor.ones([2, 3])), .tensor(Tensor.ones([2, 3]))]) }
                    #expect(throws: TorchError.self) { try Tensor(memory: UnsafeMutableRawPointer(bitPattern: 64)!, shape: [-1], dtype: .uint8, release: {}) }
                    _ = Tensor([Float](repeating: 1, count: 1024)).sum()
                    #expect(throws: Never.self) { try SafeTensorsFile(url).tensor("x").sum().item }
                }
            }
        }

        /// Twin: what is kept shows.
        @Test func keptTensorsShow() async {
            await #expect(processExitsWith: .success) {
                var kept: [Tensor] = []
                #expect(growth { kept.append(Tensor.ones([256])) } > 8 << 20)
                #expect(kept.count == 12_000)
            }
        }
    }

    /// Resident bytes gained by the calls, after some for caches and pools.
    private func growth(_ body: () -> Void) -> Int {
        // More threads only wait for one another over such small tensors.
        Runtime.threads = 1
        for _ in 0..<2_000 { body() }
        let before = resident()
        for _ in 0..<10_000 { body() }
        return resident() - before
    }

    private func expectFlat(_ body: () -> Void) {
        let growth = growth(body)
        #expect(growth < 2 << 20, "\(growth) bytes more")
    }

    private func resident() -> Int {
        let fields = try! String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return Int(fields[1])! * sysconf(Int32(_SC_PAGESIZE))
    }
#endif
