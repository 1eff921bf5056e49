import Foundation

/// Archives for the tests, put together block by block.
public struct TarBytes {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    /// A header alone. Everything can be wrong with it that the arguments say.
    public mutating func header(
        _ name: String, size: Int, kind: Character = "0", prefix: String = "", magic: String = "ustar\0" + "00", sizeField: [UInt8]? = nil, sumOffset: Int = 0
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ field: [UInt8], _ offset: Int) { block.replaceSubrange(offset..<offset + field.count, with: field) }
        put(Array(name.utf8.prefix(100)), 0)
        put(Array("0000644\0".utf8), 100)
        put(sizeField ?? Array(String(format: "%011o\0", size).utf8), 124)
        put([kind.asciiValue!], 156)
        put(Array(magic.utf8), 257)
        put(Array(prefix.utf8), 345)
        put(Array("        ".utf8), 148)
        let sum = block.reduce(0) { $0 + Int($1) } + sumOffset
        put(Array(String(format: "%06o\0 ", sum).utf8), 148)
        bytes += block
    }

    public mutating func content(_ content: [UInt8]) { bytes += content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512) }

    public mutating func file(_ name: String, _ content: [UInt8], kind: Character = "0", prefix: String = "") {
        header(name, size: content.count, kind: kind, prefix: prefix)
        self.content(content)
    }

    public mutating func file(_ name: String, _ text: String) { file(name, Array(text.utf8)) }

    /// A pax header for the next file, from records `key=value`.
    public mutating func extended(_ records: String...) {
        var content = ""
        for record in records {
            var length = record.utf8.count + 3
            while "\(length) \(record)\n".utf8.count != length { length += 1 }
            content += "\(length) \(record)\n"
        }
        file("PaxHeader", Array(content.utf8), kind: "x")
    }

    public mutating func end() { bytes += [UInt8](repeating: 0, count: 1024) }
}
