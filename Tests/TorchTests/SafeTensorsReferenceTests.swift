import Foundation
import TestFiles
import Testing
import Torch

/// Against files that the reference implementation (huggingface/safetensors) wrote.
@Suite struct SafeTensorsReferenceTests {
    let folder = TemporaryFolder()
    let reference = Fixture.url("tensor_files/every_dtype.safetensors")

    @Test(arguments: DType.allCases)
    func readsItsValues(_ dtype: DType) throws {
        let tensor = try SafeTensorsFile(reference).tensor("\(dtype)")
        let isSigned: Bool
        switch dtype {
        case .bool, .uint8, .uint16, .uint32, .uint64: isSigned = false
        default: isSigned = true
        }
        let values: [Double] = dtype == .bool ? [1, 0, 1, 0, 0, 1] : (0..<6).map { isSigned ? -Double($0) : Double($0) }
        #expect(tensor.dtype == dtype && tensor.shape == [2, 3])
        #expect(tensor.values(Double.self) == values)
    }

    @Test func readsItsNamesAndMetadata() throws {
        let file = try SafeTensorsFile(reference)
        #expect(file.names.count == 18)
        #expect(try file.tensor("é \"quoted\" \\ 🌿\t").values() == [1.5])
        #expect(try file.tensor("none [0, 4]").shape == [0, 4])
        #expect(try file.tensor("scalar").shape == [] && file.tensor("scalar").item == 0.5)
        #expect(file.metadata == ["format": "pt \u{01}\n"])
    }

    @Test func writesItsBytes() throws {
        let file = try SafeTensorsFile(reference)
        let url = folder.url("again.safetensors")
        try SafeTensors.write(file.all(), metadata: file.metadata, to: url)
        #expect(try Data(contentsOf: url) == Data(contentsOf: reference))

        // Twin: one element wrong, and the bytes differ.
        var wrong = try file.all()
        wrong["int16"] = wrong["int16"]?.flipped([0])
        try SafeTensors.write(wrong, metadata: file.metadata, to: url)
        #expect(try Data(contentsOf: url) != Data(contentsOf: reference))
    }

    @Test func copiesWhatIsMisaligned() throws {
        let file = try SafeTensorsFile(Fixture.url("tensor_files/misaligned.safetensors"))
        #expect(try file.tensor("numbers").values() == [0.25, -3])
        #expect(try file.tensor("bytes").values(UInt8.self) == [7, 8, 9])
    }
}
