import Foundation

/// SIGINT, SIGTERM and SIGHUP on their way to the children, and SIGCHLD, which only wakes.
///
/// What the terminal sends reaches the children as well, and is not passed on. One that is ignored already stays so.
final class ForwardedSignals {
    private let pipe: (reading: Descriptor, writing: Descriptor)
    private var former: [Int32: sigaction] = [:]
    private(set) var isAsked = false

    // Written before the handlers are there, read by them.
    nonisolated(unsafe) private static var descriptor: Int32 = -1

    init() throws {
        pipe = try Descriptor.pipe()
        _ = fcntl(pipe.writing.number, F_SETFL, O_NONBLOCK)
        Self.descriptor = pipe.writing.number
        for number in [SIGINT, SIGTERM, SIGHUP, SIGCHLD] {
            var (action, before) = (sigaction(), sigaction())
            sigaction(number, nil, &before)
            if number != SIGCHLD, before.isIgnored { continue }
            action.handle { number, information, _ in
                let former = errno
                var bytes: (UInt8, UInt8) = (UInt8(number), information.map(isFromTerminal) == true ? 1 : 0)
                write(ForwardedSignals.descriptor, &bytes, 2)
                errno = former
            }
            sigaction(number, &action, nil)
            self.former[number] = before
        }
        // Whoever started this process may have held them back, as the threads of some libraries do.
        var numbers = sigset_t()
        sigemptyset(&numbers)
        for number in former.keys { sigaddset(&numbers, number) }
        pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
    }

    deinit {
        for (number, before) in former {
            var before = before
            sigaction(number, &before, nil)
        }
    }

    var descriptor: Int32 { pipe.reading.number }

    /// Those since the last call that the children have not got.
    func received() -> [Int32] {
        var numbers: [Int32] = []
        var bytes: [UInt8] = [0, 0]
        while read(descriptor, &bytes, 2) == 2 {
            let number = Int32(bytes[0])
            guard number != SIGCHLD else { continue }
            isAsked = true
            if bytes[1] == 0 { numbers.append(number) }
        }
        return numbers
    }
}

#if canImport(Darwin)
    /// A process that sent it would have a number.
    private func isFromTerminal(_ information: UnsafeMutablePointer<siginfo_t>) -> Bool { information.pointee.si_pid == 0 }
#else
    private func isFromTerminal(_ information: UnsafeMutablePointer<siginfo_t>) -> Bool { information.pointee.si_code == 0x80 }  // SI_KERNEL
#endif

extension sigaction {
    fileprivate typealias Handler = @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void

    fileprivate mutating func handle(_ handler: @escaping Handler) {
        sa_flags = Int32(SA_SIGINFO) | Int32(SA_RESTART)
        #if canImport(Darwin)
            __sigaction_u.__sa_sigaction = handler
        #else
            __sigaction_handler.sa_sigaction = handler
        #endif
    }

    fileprivate var isIgnored: Bool {
        #if canImport(Darwin)
            unsafeBitCast(__sigaction_u.__sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
        #else
            unsafeBitCast(__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
        #endif
    }
}
