import Foundation
import Storage

/// A stream to another process, which never waits when it is read or written.
final class TCPConnection {
    let descriptor: Int32
    private var unsent = Data()

    init(owning descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        #if canImport(Darwin)
            setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
        #endif
    }

    deinit { close(descriptor) }

    /// Tries again until the other side answers or the time is over.
    /// - Returns: nil where it never answered
    static func open(host: String, port: UInt16, seconds: Double) -> TCPConnection? {
        let watch = Stopwatch()
        while true {
            if let connection = attempt(host: host, port: port, seconds: max(0.1, min(2, seconds - watch.seconds))) { return connection }
            guard watch.seconds < seconds else { return nil }
            usleep(50_000)
        }
    }

    private static func attempt(host: String, port: UInt16, seconds: Double) -> TCPConnection? {
        for address in NumericAddress.all(of: host, port: port) {
            let descriptor = socket(address.family, streamKind, 0)
            guard descriptor >= 0 else { continue }
            let connection = TCPConnection(owning: descriptor)
            let code = address.withPointer { connect(descriptor, $0, $1) }
            guard code == 0 || errno == EINPROGRESS else { continue }
            var event = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&event, 1, Int32(seconds * 1000)) == 1 else { continue }
            var (failure, length) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length)
            if failure == 0 { return connection }
        }
        return nil
    }

    /// What could not be sent at once follows with the next call. False once the other side is gone.
    @discardableResult
    func send(_ data: Data) -> Bool {
        unsent += data
        while !unsent.isEmpty {
            let count = unsent.withUnsafeBytes { systemSend(descriptor, $0.baseAddress!, $0.count, withoutSignal) }
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return errno == EAGAIN || errno == EWOULDBLOCK }
            unsent.removeFirst(count)
        }
        return true
    }

    enum Received {
        case bytes(Data)
        case nothing
        case closed
    }

    func receive() -> Received {
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 { return .bytes(Data(buffer[..<count])) }
            if count == 0 { return .closed }
            if errno == EINTR { continue }
            return errno == EAGAIN || errno == EWOULDBLOCK ? .nothing : .closed
        }
    }

    /// This side's address, in numbers.
    var localAddress: String { NumericAddress.text { getsockname(descriptor, $0, $1) } }
    /// The other side's address, in numbers.
    var remoteAddress: String { NumericAddress.text { getpeername(descriptor, $0, $1) } }
}

/// A port that other processes connect to.
final class TCPListener {
    let descriptor: Int32
    let port: UInt16

    /// Listens on a free port, of all of this machine's addresses or of loopback alone.
    init(loopbackAlone: Bool) throws {
        descriptor = socket(AF_INET, streamKind, 0)
        guard descriptor >= 0 else { throw SystemError(call: "socket", code: errno) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = (loopbackAlone ? in_addr_t(INADDR_LOOPBACK) : INADDR_ANY).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let code = withUnsafeMutableBytes(of: &address) { bytes in
            let pointer = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            guard bind(descriptor, pointer, length) == 0, listen(descriptor, 1024) == 0 else { return errno }
            return getsockname(descriptor, pointer, &length) == 0 ? 0 : errno
        }
        guard code == 0 else {
            close(descriptor)
            throw SystemError(call: "listen", code: code)
        }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }

    func accept() -> TCPConnection? {
        let other = systemAccept(descriptor, nil, nil)
        return other < 0 ? nil : TCPConnection(owning: other)
    }
}

/// What the system refused.
public struct SystemError: Error, CustomStringConvertible {
    public let call: String
    /// The system's `errno`.
    public let code: Int32
    public var description: String { "\(call): \(String(cString: strerror(code)))" }
}

#if canImport(Glibc)
    let streamKind = Int32(SOCK_STREAM.rawValue)
    private let withoutSignal = Int32(MSG_NOSIGNAL)
#else
    let streamKind = SOCK_STREAM
    private let withoutSignal: Int32 = 0
#endif

// Calls of the system that methods here hide.
private func systemSend(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int, _ flags: Int32) -> Int { send(descriptor, bytes, count, flags) }
private func systemAccept(_ descriptor: Int32, _ address: UnsafeMutablePointer<sockaddr>?, _ length: UnsafeMutablePointer<socklen_t>?) -> Int32 {
    accept(descriptor, address, length)
}
