import Foundation
import TestFiles
import Testing
import Torch

/// A file that must be refused, and how.
struct HostileFile: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: Data
    let problem: SafeTensorsError.Problem

    init(_ description: String, bytes: Data, _ problem: SafeTensorsError.Problem) {
        testDescription = description
        self.bytes = bytes
        self.problem = problem
    }

    init(_ description: String, header: String, data: Int = 8, _ problem: SafeTensorsError.Problem) {
        self.init(description, bytes: safeTensorsBytes(header, data: data), problem)
    }
}

func safeTensorsBytes(_ header: String, length: UInt64? = nil, data: Int) -> Data {
    let length = withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { Data($0) }
    return length + Data(header.utf8) + Data(repeating: 0, count: data)
}

private func entry(_ dtype: String = "F32", _ shape: String = "[2]", _ offsets: String = "[0,8]") -> String {
    "{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
}

private let good = "{\"a\":\(entry())}"

private let hostileFiles: [HostileFile] = [
    HostileFile("empty", bytes: Data(), .truncated(size: 0)),
    HostileFile("shorter than the length", bytes: Data([1, 2, 3]), .truncated(size: 3)),
    HostileFile("no header", bytes: Data(repeating: 0, count: 8), .notJSON("the end instead of '{'", byte: 0)),
    HostileFile("length over 100 MB", bytes: safeTensorsBytes(good, length: 100_000_001, data: 8), .headerTooLong(100_000_001)),
    HostileFile("length over 2⁶³", bytes: safeTensorsBytes(good, length: .max, data: 8), .headerTooLong(.max)),
    HostileFile("length over the file", bytes: safeTensorsBytes(good, length: 1000, data: 8), .headerBeyondFile(length: 1000, size: 16 + good.utf8.count)),
    HostileFile("data cut short", header: good, data: 7, .offsetsBeyondFile(tensor: "a", end: 8, data: 7)),
    HostileFile("data missing", header: good, data: 0, .offsetsBeyondFile(tensor: "a", end: 8, data: 0)),
    HostileFile("bytes after the last tensor", header: good, data: 9, .trailingBytes(1)),
    HostileFile("data without a tensor", header: "{}", data: 4, .trailingBytes(4)),

    HostileFile("not JSON", header: "hello", .notJSON("'h' instead of '{'", byte: 0)),
    HostileFile("space before", header: " " + good, .notJSON("the byte 32 instead of '{'", byte: 0)),
    HostileFile("a list", header: "[]", .notJSON("a nested value instead of '{'", byte: 0)),
    HostileFile("no end", header: String(good.dropLast()), .notJSON("the end instead of ','", byte: good.utf8.count - 1)),
    HostileFile("text without an end", header: "{\"a", .notJSON("a text without an end", byte: 1)),
    HostileFile("two values", header: good + "{}", .notJSON("a nested value instead of the end", byte: good.utf8.count)),
    HostileFile("zero after the end", header: good + "\0", .notJSON("the byte 0 instead of the end", byte: good.utf8.count)),
    HostileFile("comma at the end", header: "{\"a\":\(entry()),}", .notJSON("'}' instead of a text", byte: good.utf8.count)),
    HostileFile("no colon", header: "{\"a\" \(entry())}", .notJSON("a nested value instead of ':'", byte: 5)),
    HostileFile("tensor is null", header: "{\"a\":null}", .notJSON("'n' instead of '{'", byte: 5)),
    HostileFile("nesting", header: "{\"a\":" + String(repeating: "[", count: 100_000), .notJSON("a nested value instead of '{'", byte: 5)),
    HostileFile("nested shape", header: "{\"a\":\(entry("F32", "[[2]]"))}", .notJSON("a nested value instead of a number", byte: 29)),
    HostileFile("nested metadata", header: "{\"__metadata__\":{\"a\":{}}}", .notJSON("a nested value instead of a text", byte: 21)),
    HostileFile("number in metadata", header: "{\"__metadata__\":{\"a\":1}}", .notJSON("'1' instead of a text", byte: 21)),
    HostileFile("not UTF-8", bytes: invalidUTF8, .notUTF8(byte: 1)),
    HostileFile("control character", header: "{\"a\nb\":\(entry())}", .notJSON("a control character in a text", byte: 3)),
    HostileFile("unknown escape", header: "{\"a\\x\":\(entry())}", .notJSON("an unknown escape", byte: 3)),
    HostileFile("half a surrogate pair", header: "{\"\\ud83c\":\(entry())}", .notJSON("half a surrogate pair", byte: 2)),
    HostileFile("two first halves", header: "{\"\\ud83c\\ud83c\":\(entry())}", .notJSON("half a surrogate pair", byte: 2)),
    HostileFile("short escape", header: "{\"\\u12\":\(entry())}", .notJSON("'\"' instead of four hexadecimal digits", byte: 6)),

    HostileFile("duplicate tensor", header: "{\"a\":\(entry()),\"a\":\(entry())}", .duplicateName("a")),
    HostileFile("duplicate through an escape", header: "{\"a\":\(entry()),\"\\u0061\":\(entry())}", .duplicateName("a")),
    HostileFile("duplicate metadata", header: "{\"__metadata__\":{},\"__metadata__\":{},\"a\":\(entry())}", .duplicateName("__metadata__")),
    HostileFile("duplicate metadata key", header: "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"},\"a\":\(entry())}", .duplicateName("k")),
    HostileFile("duplicate shape", header: "{\"a\":{\"shape\":[2],\"shape\":[2]}}", .duplicateName("shape of a")),
    HostileFile("unknown key", header: "{\"a\":{\"strides\":[1]}}", .unknownKey(tensor: "a", key: "strides")),
    HostileFile("no type", header: "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", .missingKey(tensor: "a", key: "dtype")),
    HostileFile("no shape", header: "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", .missingKey(tensor: "a", key: "shape")),
    HostileFile("no offsets", header: "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", .missingKey(tensor: "a", key: "data_offsets")),

    HostileFile("unknown type", header: "{\"a\":\(entry("F31"))}", .unknownDType(tensor: "a", dtype: "F31")),
    HostileFile("complex", header: "{\"a\":\(entry("C64", "[1]"))}", .unsupportedDType(tensor: "a", dtype: "C64")),
    HostileFile("four bits", header: "{\"a\":\(entry("F4", "[16]"))}", .subByteDType(tensor: "a", dtype: "F4")),
    HostileFile("six bits", header: "{\"a\":\(entry("F6_E2M3", "[16]"))}", .subByteDType(tensor: "a", dtype: "F6_E2M3")),

    HostileFile("negative axis", header: "{\"a\":\(entry("F32", "[-2]"))}", .notJSON("a negative number", byte: 29)),
    HostileFile("fractional axis", header: "{\"a\":\(entry("F32", "[2.0]"))}", .notJSON("a number that is not whole", byte: 29)),
    HostileFile("exponent", header: "{\"a\":\(entry("F32", "[2E0]"))}", .notJSON("a number that is not whole", byte: 29)),
    HostileFile("leading zero", header: "{\"a\":\(entry("F32", "[02]"))}", .notJSON("a number with leading zeros", byte: 29)),
    HostileFile("axis over 2⁶³", header: "{\"a\":\(entry("F32", "[9223372036854775808]"))}", .notJSON("a number that is too great", byte: 29)),
    HostileFile("text as axis", header: "{\"a\":\(entry("F32", "[\"2\"]"))}", .notJSON("'\"' instead of a number", byte: 29)),
    HostileFile("shape product overflows", header: "{\"a\":\(entry("F32", "[4294967296,4294967296]"))}", .shapeOverflow(tensor: "a")),
    HostileFile("bytes overflow", header: "{\"a\":\(entry("F64", "[2305843009213693952]"))}", .shapeOverflow(tensor: "a")),
    HostileFile("overflow hidden by a zero", header: "{\"a\":\(entry("F32", "[0,4294967296,4294967296]", "[0,0]"))}", data: 0, .shapeOverflow(tensor: "a")),
    HostileFile("65 axes", header: "{\"a\":\(entry("F32", "[2" + String(repeating: ",1", count: 64) + "]"))}", .tooManyAxes(tensor: "a")),

    HostileFile("one offset", header: "{\"a\":\(entry("F32", "[2]", "[8]"))}", .notJSON("1 numbers instead of 2", byte: 47)),
    HostileFile("three offsets", header: "{\"a\":\(entry("F32", "[2]", "[0,8,8]"))}", .notJSON("3 numbers instead of 2", byte: 47)),
    HostileFile("reversed offsets", header: "{\"a\":\(entry("F32", "[2]", "[8,0]"))}", .reversedOffsets(tensor: "a", start: 8, end: 0)),
    HostileFile("offsets out of range", header: "{\"a\":\(entry("F32", "[2]", "[8,16]"))}", .offsetsBeyondFile(tensor: "a", end: 16, data: 8)),
    HostileFile("too few bytes", header: "{\"a\":\(entry("F32", "[3]"))}", .wrongSize(tensor: "a", bytes: 8, expected: 12)),
    HostileFile("too many bytes", header: "{\"a\":\(entry("F16"))}", .wrongSize(tensor: "a", bytes: 8, expected: 4)),
    HostileFile(
        "overlap", header: "{\"a\":\(entry()),\"b\":\(entry("F32", "[2]", "[4,12]"))}", data: 12, .overlap(tensor: "a", other: "b")),
    HostileFile("gap", header: "{\"a\":\(entry()),\"b\":\(entry("F32", "[2]", "[12,20]"))}", data: 20, .gap(before: "b", bytes: 4)),
    HostileFile("gap at the start", header: "{\"a\":\(entry("F32", "[2]", "[8,16]"))}", data: 16, .gap(before: "a", bytes: 8)),
]

private let invalidUTF8: Data = {
    var bytes = safeTensorsBytes(good, data: 8)
    bytes[bytes.startIndex + 10] = 0xFF
    return bytes
}()

@Suite struct SafeTensorsRefusalTests {
    let folder = TemporaryFolder()

    @Test(arguments: hostileFiles)
    func refusesWithItsOwnMessage(_ hostile: HostileFile) throws {
        let url = folder.url("hostile.safetensors")
        try hostile.bytes.write(to: url)
        let error = #expect(throws: SafeTensorsError.self) { try SafeTensorsFile(url) }
        #expect(error?.problem == hostile.problem)
        #expect(error?.description.hasPrefix(url.path + ": ") == true)
    }

    @Test func differentProblemsReadDifferently() {
        for (i, a) in hostileFiles.enumerated() {
            for b in hostileFiles[..<i] { #expect((a.problem == b.problem) == ("\(a.problem)" == "\(b.problem)")) }
        }
    }

    /// The twin of the table: what its files are made from is accepted.
    @Test(arguments: [good, good + "   ", "{ \"a\" :\n\t{ \"shape\" : [ 2 ] , \"data_offsets\":[0 , 8],\"dtype\":\"\\u0046\\u00332\"}\r\n} "])
    func acceptsTheUndamaged(_ header: String) throws {
        let url = folder.url("good.safetensors")
        try safeTensorsBytes(header, data: 8).write(to: url)
        #expect(try SafeTensorsFile(url).tensor("a").values() == [0, 0])
    }

    @Test func refusesFoldersAndMissingFiles() throws {
        #expect(throws: SafeTensorsError.self) { try SafeTensorsFile(folder.url("missing")) }
        let error = #expect(throws: SafeTensorsError.self) { try SafeTensorsFile(folder.url) }
        #expect(error?.problem == .notAFile)
    }

    @Test func refusesTensorsThatAreNotThere() throws {
        let url = folder.url("good.safetensors")
        try safeTensorsBytes(good, data: 8).write(to: url)
        let file = try SafeTensorsFile(url)
        let error = #expect(throws: SafeTensorsError.self) { try file.tensor("b") }
        #expect(error?.problem == .noSuchTensor("b"))
        #expect(!file.contains("b") && file.shape(of: "b") == nil && file.dtype(of: "b") == nil)
    }

    @Test func refusesBooleansThatAreNone() throws {
        let url = folder.url("bool.safetensors")
        var bytes = safeTensorsBytes("{\"a\":\(entry("BOOL", "[2]", "[0,2]"))}", data: 2)
        try bytes.write(to: url)
        #expect(try SafeTensorsFile(url).tensor("a").values(Bool.self) == [false, false])
        bytes[bytes.endIndex - 1] = 2
        try bytes.write(to: url)
        let error = #expect(throws: SafeTensorsError.self) { try SafeTensorsFile(url).tensor("a") }
        #expect(error?.problem == .notBoolean(tensor: "a"))
    }
}
