import Foundation
import Storage
import TestFiles
import Testing
import Torch

@Suite struct SafeTensorsTests {
    let folder = TemporaryFolder()

    @Test(arguments: DType.allCases)
    func everyTypeComesBack(_ dtype: DType) throws {
        let url = folder.url("\(dtype).safetensors")
        let values: [Double] = dtype == .bool ? [1, 0, 0, 1, 1, 0] : [0, 1, 2, 3, 4, 5]
        let tensor = Tensor(values, shape: [2, 3]).to(dtype)
        try SafeTensors.write([("x", tensor), ("empty", Tensor.zeros([0, 4], on: Placement(.cpu, dtype))), ("scalar", tensor[1][2])], to: url)

        let file = try SafeTensorsFile(url)
        #expect(file.names == ["empty", "scalar", "x"])
        #expect(file.shape(of: "x") == [2, 3] && file.dtype(of: "x") == dtype)
        let x = try file.tensor("x")
        #expect(x.dtype == dtype && x.shape == [2, 3] && x.values(Double.self) == values)
        #expect(try file.tensor("empty").shape == [0, 4])
        #expect(try file.tensor("scalar").shape == [] && file.tensor("scalar").item == values[5])
    }

    @Test func otherMemoryOrdersAreWrittenInRowMajorOrder() throws {
        let url = folder.url("strides.safetensors")
        let x = Tensor.range(48).reshaped([2, 3, 2, 4])
        let tensors = [
            "last": x.contiguous(.channelsLast), "turned": x.transposed(1, 3), "part": x.slice(1..<3, axis: 3), "repeated": Tensor.ones([1]).expanded([5]),
        ]
        try SafeTensors.write(tensors, to: url)
        let back = try SafeTensorsFile(url).all()
        for (name, value) in tensors {
            #expect(back[name]?.shape == value.shape)
            #expect(back[name]?.values() == value.values(), "\(name)")
        }
    }

    /// Tensors of whole cache lines lie in the map as libtorch's own do; in the reference implementation's order they may not.
    @Test func filesForMappingAreAligned() throws {
        let tensors = [("a", [3]), ("b", [16, 3]), ("c", [5]), ("d", [64])].map { ($0, Tensor.ones($1)) }
        let (mapped, plain) = (folder.url("mapped.safetensors"), folder.url("plain.safetensors"))
        for title in ["", "x", "xx", "xxx"] {
            try SafeTensors.write(tensors, metadata: ["title": title], forMapping: true, to: mapped)
            let back = try SafeTensorsFile(mapped).all()
            #expect(back["b"]!.isAligned && back["d"]!.isAligned)
            for (name, value) in tensors { #expect(back[name]?.values() == value.values()) }
        }
        try SafeTensors.write(tensors, to: plain)
        #expect(try !SafeTensorsFile(plain).tensor("b").isAligned, "the twin")
    }

    @Test func metadataAndNamesNeedingEscapesComeBack() throws {
        let url = folder.url("names.safetensors")
        let odd = "a \"b\" \\ / \n\r\t\u{08}\u{0C}\u{01} é 🌿 \u{FFFD} end"
        try SafeTensors.write([(odd, Tensor([Float(1)]))], metadata: [odd: odd, "format": "pt"], to: url)
        let file = try SafeTensorsFile(url)
        #expect(file.names == [odd])
        #expect(file.metadata == [odd: odd, "format": "pt"])
    }

    @Test func aTensorOutlivesItsFileAndNeverWritesToIt() throws {
        let url = folder.url("life.safetensors")
        try SafeTensors.write([("x", Tensor([Float(1), 2, 3]))], to: url)
        let before = try Data(contentsOf: url)
        let x = try { try SafeTensorsFile(url).tensor("x") }()
        x.add_(Tensor([Float(10)]))
        #expect(x.values() == [11, 12, 13])
        #expect(try Data(contentsOf: url) == before)
        // Not even through another map of the same file.
        #expect(try SafeTensorsFile(url).tensor("x").values() == [1, 2, 3])
        try FileManager.default.removeItem(at: url)
        #expect(x.values() == [11, 12, 13])
    }

    @Test func tensorsAreReadToADevice() throws {
        let url = folder.url("placed.safetensors")
        try SafeTensors.write([("x", Tensor([Float(1), 2])), ("y", Tensor([3, 4]))], to: url)
        let file = try SafeTensorsFile(url)
        #expect(try file.all(on: .meta).mapValues(\.placement) == ["x": Placement(.meta), "y": Placement(.meta, .int64)])
        #expect(try file.all(on: .cpu)["x"]?.values() == [1, 2])
    }

    @Test func namesTwiceOrReservedAreNotWritten() throws {
        let url = folder.url("refused.safetensors")
        let x = Tensor([Float(1)])
        let twice = #expect(throws: SafeTensorsError.self) { try SafeTensors.write([("x", x), ("x", x)], to: url) }
        #expect(twice?.problem == .duplicateName("x") && twice?.path == url.path)
        let reserved = #expect(throws: SafeTensorsError.self) { try SafeTensors.write([("__metadata__", x)], to: url) }
        #expect(reserved?.problem == .reservedName)
        #expect(!FileManager.default.fileExists(atPath: url.path))
    }

    @Test func everyByteOfAFileCounts() throws {
        let folder = TemporaryFolder()
        let url = folder.url("sealed.safetensors")
        try SafeTensors.write([("a", Tensor([Float(1), 2, 3])), ("b", Tensor([Float(4)]))], metadata: ["format": "pt"], isSealed: true, to: url)
        let file = try SafeTensorsFile(url)
        #expect(try file.verify())
        #expect(try file.tensor("a").values() == [1, 2, 3] && file.metadata["format"] == "pt")
        let whole = try Data(contentsOf: url)
        let key = try #require(whole.range(of: Data("crc32c".utf8)))
        for offset in whole.indices where !key.contains(offset) {
            var bytes = whole
            bytes[offset] ^= 1
            try bytes.write(to: url)
            #expect(throws: SafeTensorsError.self, "\(offset)") { try SafeTensorsFile(url).verify() }
        }
        try whole.write(to: url)
        #expect(try SafeTensorsFile(url).verify())
        try SafeTensors.write([("a", Tensor([Float(1)]))], to: url)
        #expect(try !SafeTensorsFile(url).verify(), "one that has none says nothing")
    }

    @Test func aStopwatchNeverGoesBack() {
        let clock = Stopwatch()
        var before = 0.0
        for _ in 0..<1000 {
            let now = clock.seconds
            #expect(now >= before && now < 60)
            before = now
        }
    }
}
