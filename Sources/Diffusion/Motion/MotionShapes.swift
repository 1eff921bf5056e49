import Networks
import Storage

/// What the names and shapes of motion modules' tensors tell of them, whatever a configuration beside them says.
struct MotionShapes {
    let channels: [Int]
    let layers: [Int]
    /// Transformer blocks of each layer, by level.
    let depth: [[Int]]
    let upDepth: [[Int]]
    let middleDepth: Int?
    /// Nil where the file has no table of positions.
    let maximumFrames: Int?

    /// - Parameter shapes: by today's names
    init(_ shapes: [String: [Int]], file: String) throws {
        func refused(_ message: String) -> ConfigurationError { ConfigurationError(file: file, message: message) }
        /// How many parts follow `prefix`, counted from zero without a gap.
        let names = shapes.keys.sorted()
        func count(_ prefix: String) throws -> Int {
            let numbers = Set(names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count).prefix { $0 != "." }) })
            guard numbers == Set((0..<numbers.count).map(String.init)) else { throw refused("parts of \(prefix.printable)… are missing") }
            return numbers.count
        }
        func depths(_ block: String) throws -> [Int] {
            try (0..<count("\(block).motion_modules.")).map { try count("\(block).motion_modules.\($0).transformer_blocks.") }
        }
        let levels = try count("down_blocks.")
        guard (1...8).contains(levels), try count("up_blocks.") == levels else { throw refused("holds no motion modules for every level of a UNet") }
        depth = try (0..<levels).map { try depths("down_blocks.\($0)") }
        upDepth = try (0..<levels).map { try depths("up_blocks.\($0)") }
        layers = depth.map(\.count)
        middleDepth = try depths("mid_block").first
        channels = try (0..<levels).map { level in
            guard let shape = shapes["down_blocks.\(level).motion_modules.0.norm.weight"], shape.count == 1, (1...65536).contains(shape[0]) else {
                throw refused("has no down_blocks.\(level).motion_modules.0.norm.weight of one axis")
            }
            return shape[0]
        }
        guard let table = shapes.filter({ $0.key.hasSuffix(".pos_embed.pe") }).min(by: { $0.key < $1.key }) else {
            maximumFrames = nil
            return
        }
        guard table.value.count == 3, (1...65536).contains(table.value[1]) else {
            throw refused("\(table.key.printable) has the shape \(table.value): a table of positions is [1, frames, channels]")
        }
        maximumFrames = table.value[1]
    }
}
