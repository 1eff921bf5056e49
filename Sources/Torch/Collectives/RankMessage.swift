import Foundation

/// What rank 0 and the other ranks tell each other beside the exchanges: one JSON object a line.
enum RankMessage: Codable {
    /// The first word of a rank to rank 0.
    case hello(Hello)
    /// Rank 0's answer once all are there and equal: the address of its machine as other machines see it.
    case begin(address: String)
    /// A sign of life.
    case beat(RankProgress)
    /// The group ends.
    case fault(RankFault)
    /// A rank needs the others no longer and may be gone.
    case done

    struct Hello: Codable {
        var rank: Int
        var size: Int
        var identity: RankIdentity
        /// Rank 0's address as this rank reaches it, in numbers.
        var address: String
    }
}

/// How far a rank's own thread is.
struct RankProgress: Codable, Equatable {
    /// Exchanges that it has begun.
    var exchanges = 0
    /// Whether the others are to wait for it as long as it lives.
    var isBusy = false
}

/// Messages over a connection.
final class RankLine {
    private let connection: TCPConnection
    private var received = Data()

    init(_ connection: TCPConnection) { self.connection = connection }

    var descriptor: Int32 { connection.descriptor }
    var remoteAddress: String { connection.remoteAddress }

    /// Longer than any message: who sends such a line is no rank.
    private static let longest = 1 << 20

    func send(_ message: RankMessage) {
        guard let data = try? JSONEncoder().encode(message) else { return }
        connection.send(data + [0x0A])
    }

    /// What came since the last call, and whether the other side is gone, or is none of ours.
    func receive() -> (messages: [RankMessage], isClosed: Bool) {
        var isClosed = false
        reading: while true {
            switch connection.receive() {
            case .bytes(let bytes): received += bytes
            case .nothing: break reading
            case .closed:
                isClosed = true
                break reading
            }
            if received.count > Self.longest { break reading }
        }
        var messages: [RankMessage] = []
        while let end = received.firstIndex(of: 0x0A) {
            guard let message = try? JSONDecoder().decode(RankMessage.self, from: received[..<end]) else { return (messages, true) }
            messages.append(message)
            received.removeSubrange(...end)
        }
        return (messages, isClosed || received.count > Self.longest)
    }
}
