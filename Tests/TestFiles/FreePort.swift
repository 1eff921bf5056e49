import Foundation

/// A port of loopback that nobody listens on.
public func freePort() throws -> UInt16 {
    struct NoPort: Error {}
    let descriptor = socket(AF_INET, streamSocket, 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutableBytes(of: &address) { bytes in
        let pointer = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
        return bind(descriptor, pointer, length) | getsockname(descriptor, pointer, &length)
    }
    guard code == 0 else { throw NoPort() }
    return UInt16(bigEndian: address.sin_port)
}

#if canImport(Glibc)
    private let streamSocket = Int32(SOCK_STREAM.rawValue)
#else
    private let streamSocket = SOCK_STREAM
#endif
