import Foundation

/// One record of a TensorBoard event file: values that belong to one step. The field numbers are those of TensorFlow's `event.proto`,
/// `summary.proto` and `tensor.proto`.
struct Event: Equatable {
    var step: Int
    var values: [Value]

    struct Value: Equatable {
        var tag: String
        var content: Content
    }

    enum Content: Equatable {
        case scalar(Float)
        /// A PNG file, and a text to stand above it.
        case image(png: Data, width: Int, height: Int, caption: String)
        /// Markdown.
        case text(String)
        /// Of a kind that we do not write.
        case other
    }

    private static let version = "brain.Event:2"

    /// The record that a file begins with.
    static func opening(wallTime: Double) -> [UInt8] {
        var event = WireMessage()
        event.append(1, double: wallTime)
        event.append(3, version)
        return event.bytes
    }

    /// - Parameter wallTime: seconds since 1970
    func encoded(wallTime: Double) -> [UInt8] {
        var summary = WireMessage()
        for value in values { summary.append(1, value.message) }
        var event = WireMessage()
        event.append(1, double: wallTime)
        event.append(2, integer: UInt64(step))
        event.append(5, summary)
        return event.bytes
    }

    /// Of what ``encoded(wallTime:)`` and others write, the step and the tags, with scalars as they are. Throws where it is no message.
    init(_ bytes: ArraySlice<UInt8>) throws(WireReader.Malformed) {
        (step, values) = (0, [])
        var reader = WireReader(bytes)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (2, .integer(let number)):
                guard let number = Int(exactly: number) else { throw WireReader.Malformed() }
                step = number
            case (5, .bytes(let summary)):
                var reader = WireReader(summary)
                while let (field, value) = try reader.next() {
                    if case (1, .bytes(let bytes)) = (field, value) { values.append(try Value(bytes)) }
                }
            default: break
            }
        }
    }

    init(step: Int, values: [Value]) {
        self.step = step
        self.values = values
    }
}

extension Event.Value {
    fileprivate var message: WireMessage {
        var message = WireMessage()
        message.append(1, tag)
        switch content {
        case .scalar(let number): message.append(2, float: number)
        case .image(let png, let width, let height, let caption):
            var image = WireMessage()
            image.append(1, integer: UInt64(height))
            image.append(2, integer: UInt64(width))
            image.append(3, integer: 3)
            image.append(4, bytes: png)
            message.append(4, image)
            message.append(9, Self.metadata(plugin: "images", description: caption))
        case .text(let markdown):
            var (axis, shape, tensor) = (WireMessage(), WireMessage(), WireMessage())
            axis.append(1, integer: 1)
            shape.append(2, axis)
            // A vector of one string (DT_STRING = 7).
            tensor.append(1, integer: 7)
            tensor.append(2, shape)
            tensor.append(8, markdown)
            message.append(8, tensor)
            message.append(9, Self.metadata(plugin: "text", description: ""))
        case .other: break
        }
        return message
    }

    private static func metadata(plugin: String, description: String) -> WireMessage {
        var (data, metadata) = (WireMessage(), WireMessage())
        data.append(1, plugin)
        metadata.append(1, data)
        if !description.isEmpty { metadata.append(3, description) }
        return metadata
    }

    fileprivate init(_ bytes: ArraySlice<UInt8>) throws(WireReader.Malformed) {
        (tag, content) = ("", .other)
        var reader = WireReader(bytes)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let text)): tag = String(decoding: text, as: UTF8.self)
            case (2, .fixed32(let pattern)): content = .scalar(Float(bitPattern: pattern))
            default: break
            }
        }
    }
}
