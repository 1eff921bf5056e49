import Foundation
import Storage

/// One child of a ``LocalLauncher``.
final class RankProcess {
    let rank: Int
    private let identifier: pid_t
    private var status: Int32?
    /// The child's standard error, where it is not shown.
    private let error: Descriptor?
    private var said = Data()
    private(set) var isTalking: Bool

    private static let mostLines = 20

    /// - Parameter inherits: descriptors that the child has by the same numbers
    init(
        rank: Int, executable: URL, arguments: [String], environment: [String: String], isQuiet: Bool, inherits: [Descriptor]
    ) throws {
        self.rank = rank
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
        #else
            var actions = posix_spawn_file_actions_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let error = isQuiet ? try Descriptor.pipe() : nil
        if let error {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
            posix_spawn_file_actions_adddup2(&actions, error.writing.number, 2)
        }
        // What is closed for every other program stays open for this one.
        for descriptor in inherits {
            #if canImport(Darwin)
                posix_spawn_file_actions_addinherit_np(&actions, descriptor.number)
            #else
                posix_spawn_file_actions_adddup2(&actions, descriptor.number, descriptor.number)
            #endif
        }
        let words = ([executable.path] + arguments).map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (words + variables).forEach { free($0) } }
        var identifier = pid_t()
        let code = posix_spawn(&identifier, executable.path, &actions, nil, words, variables)
        guard code == 0 else { throw SystemError(call: executable.path, code: code) }
        self.identifier = identifier
        self.error = error?.reading
        isTalking = isQuiet
    }

    var output: Int32 { error?.number ?? -1 }
    var hasEnded: Bool { status != nil }

    /// As a shell gives it.
    var code: Int32 {
        guard let status else { return 0 }
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }

    func signal(_ number: Int32) { if !hasEnded { kill(identifier, number) } }

    /// Whether it has ended since the last call.
    func reap() -> Bool {
        var status: Int32 = 0
        guard !hasEnded, waitpid(identifier, &status, WNOHANG) == identifier else { return false }
        self.status = status
        listen()
        return true
    }

    func wait() {
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
        self.status = status
    }

    /// Takes in what it has said, of which the end is kept.
    func listen() {
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while isTalking {
            let count = read(output, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { break }
            if count == 0 { isTalking = false }
            said = (said + buffer[..<count]).suffix(1 << 14)
        }
    }

    /// Whether it ended by itself and said nothing.
    var hasEndedWithoutAWord: Bool { (status ?? 1) & 0x7F == 0 && said.isEmpty }

    /// How it failed, with what it last said.
    var lastWords: String? {
        guard let status else { return nil }
        let signal = status & 0x7F
        let how = signal == 0 ? "ended with code \(code)" : "was ended by signal \(signal) (\(String(cString: strsignal(signal))))"
        if error == nil { return signal == 0 ? nil : "rank \(rank) \(how)" }
        let lines = String(decoding: said, as: UTF8.self).split(separator: "\n").suffix(Self.mostLines)
        return "rank \(rank) \(how)" + (lines.isEmpty ? "" : "; the last it said:\n" + lines.map { "  " + $0.printable }.joined(separator: "\n"))
    }
}
