import CTorch
import Foundation
import Storage

extension ProcessGroup {
    /// Waits for all ranks, compares what they were started with and connects them.
    ///
    /// Rank 0 serves a store at the address that the environment names, unless torchrun does. There the others learn where rank 0 listens for them,
    /// and tell it their ``RankIdentity``; once all are there and equal, Gloo connects each to each. A rank uses the address by which it reaches
    /// rank 0, and not its host's name, which need not be known anywhere; `GLOO_SOCKET_IFNAME` names other interfaces.
    /// - Parameters:
    ///   - timeout: seconds after which all end when one is missing
    ///   - end: ends the process when a fault is found while its own thread does not come back; it may not return
    /// - Returns: ``Alone`` where the environment has one rank
    public static func open(
        _ environment: RankEnvironment, identity: RankIdentity, timeout: Double, end: @escaping @Sendable (RankFault) -> Void = endProcess
    ) throws -> any Collective {
        guard environment.size > 1 else { return Alone() }
        let watch = RankWatch(rank: environment.rank, limits: RankLimits(timeout: timeout), lifeline: environment.lifeline, end: end)
        return try Opening(environment: environment, identity: identity, watch: watch).group()
    }

    /// Says on standard error which rank is missing, and ends the process with code 1.
    @Sendable public static func endProcess(_ fault: RankFault) {
        FileHandle.standardError.write(Data("Error: \(fault)\n".utf8))
        _exit(1)
    }
}

private struct Opening {
    let environment: RankEnvironment
    let identity: RankIdentity
    let watch: RankWatch
    private let clock = Stopwatch()

    init(environment: RankEnvironment, identity: RankIdentity, watch: RankWatch) {
        (self.environment, self.identity, self.watch) = (environment, identity, watch)
    }

    /// Seconds that are left.
    private var rest: Double { max(0.1, watch.limits.timeout - clock.seconds) }
    private var absent: RankFault { RankFault([0], .absent(seconds: watch.limits.timeout)) }

    func group() throws -> ProcessGroup {
        let isServer = environment.rank == 0 && !environment.isStoreServed
        // libtorch's own attempts to connect fill the screen; and this tells the addresses of both sides.
        var route = isServer ? nil : try connection(port: environment.port)
        let store = try store(isServer)
        if isServer { route = try connection(port: environment.port) }
        let (near, far) = (route!.localAddress, route!.remoteAddress)
        route = nil

        let hello = RankMessage.Hello(rank: environment.rank, size: environment.size, identity: identity, address: far)
        if environment.rank == 0 {
            let listener = try TCPListener(loopbackAlone: environment.localSize == environment.size && NumericAddress.isLoopback(far))
            watch.attach(RankHub(listener, own: hello, limits: watch.limits))
            try set(store, "watch", Data("\(listener.port)".utf8))
        } else {
            guard let port = UInt16(String(decoding: try get(store, "watch"), as: UTF8.self)) else { throw absent }
            watch.attach(RankSpoke(try connection(port: port), hello: hello, limits: watch.limits))
        }
        let master = try watch.waitForAll()
        // Who reaches rank 0 by loopback is on its machine, which others may see at another address.
        let address = NumericAddress.isLoopback(near) ? master : near
        var group: OpaquePointer?
        let message = ct_group_open(store, environment.namesInterfaces ? nil : address, Int32(environment.rank), Int32(environment.size), &group)
        if let message { throw watch.fault(behind: String(cString: message)) }
        return ProcessGroup(rank: environment.rank, size: environment.size, watch: watch, store: store, group: group!)
    }

    private func connection(port: UInt16) throws -> TCPConnection {
        guard let connection = TCPConnection.open(host: environment.host, port: port, seconds: rest) else { throw absent }
        return connection
    }

    private func store(_ isServer: Bool) throws -> OpaquePointer {
        var store: OpaquePointer?
        let message = ct_store_open(
            environment.host, environment.port, isServer, environment.storeSocket ?? -1, "seppo/\(environment.attempt)", Int64(rest * 1000), &store)
        if let message { throw TorchError(operation: "store at \(environment.host):\(environment.port)", message: String(cString: message)) }
        return store!
    }

    private func set(_ store: OpaquePointer, _ key: String, _ value: Data) throws {
        let message = value.withUnsafeBytes { ct_store_set(store, key, $0.baseAddress, Int64($0.count)) }
        if let message { throw TorchError(operation: "store at \(environment.host):\(environment.port)", message: String(cString: message)) }
    }

    private func get(_ store: OpaquePointer, _ key: String) throws -> Data {
        var (bytes, count) = (nil as UnsafeRawPointer?, Int64(0))
        if ct_store_get(store, key, Int64(rest * 1000), &bytes, &count) != nil { throw absent }
        return Data(bytes: bytes!, count: Int(count))
    }
}
