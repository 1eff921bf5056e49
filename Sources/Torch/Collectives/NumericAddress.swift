import Foundation

/// An address of the system's resolver.
struct NumericAddress {
    private var storage = sockaddr_storage()
    private var length: socklen_t = 0
    let family: Int32

    /// Those of a host, by name or in numbers; none where it is unknown.
    static func all(of host: String, port: UInt16) -> [NumericAddress] {
        var (hints, list) = (addrinfo(), nil as UnsafeMutablePointer<addrinfo>?)
        hints.ai_socktype = streamKind
        guard getaddrinfo(host, "\(port)", &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        return sequence(first: list!) { $0.pointee.ai_next }.map { NumericAddress($0.pointee) }
    }

    private init(_ info: addrinfo) {
        (family, length) = (info.ai_family, info.ai_addrlen)
        withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: UnsafeRawBufferPointer(start: info.ai_addr, count: Int(info.ai_addrlen))) }
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafeBytes(of: storage) { body($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), length) }
    }

    /// The address that a call fills in, in numbers; empty where it fails.
    static func text(_ fill: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32) -> String {
        var (storage, length) = (sockaddr_storage(), socklen_t(MemoryLayout<sockaddr_storage>.size))
        var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = withUnsafeMutableBytes(of: &storage) { bytes in
            let pointer = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            let code = fill(pointer, &length)
            return code == 0 ? getnameinfo(pointer, length, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) : code
        }
        return code == 0 ? name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) } : ""
    }

    /// Whether an address in numbers is one that other machines do not see.
    static func isLoopback(_ text: String) -> Bool { text.hasPrefix("127.") || text == "::1" || text.hasPrefix("::ffff:127.") }
}
