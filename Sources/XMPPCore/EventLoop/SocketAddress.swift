// SPDX-License-Identifier: Apache-2.0
// IP addresses of sockets.

import CLinux
import Glibc

/// An IP address and a port.
struct SocketAddress {
    private(set) var storage: sockaddr_storage
    private(set) var byteCount: socklen_t

    /// An address to listen on.
    ///
    /// - Parameter address: in numbers, `127.0.0.1` or `::1`; nil for every address of the machine.
    /// - Returns: nil when the text is no address of that version.
    init?(_ address: String?, port: UInt16, version: ListenerConfiguration.IPVersion) {
        storage = sockaddr_storage()
        switch version {
        case .v4:
            var ip4 = sockaddr_in()
            ip4.sin_family = sa_family_t(AF_INET)
            ip4.sin_port = port.bigEndian
            guard inet_pton(AF_INET, address ?? "0.0.0.0", &ip4.sin_addr) == 1 else { return nil }
            byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: ip4, as: sockaddr_in.self) }
        case .v6:
            var ip6 = sockaddr_in6()
            ip6.sin6_family = sa_family_t(AF_INET6)
            ip6.sin6_port = port.bigEndian
            guard inet_pton(AF_INET6, address ?? "::", &ip6.sin6_addr) == 1 else { return nil }
            byteCount = socklen_t(MemoryLayout<sockaddr_in6>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: ip6, as: sockaddr_in6.self) }
        }
    }

    init(_ storage: sockaddr_storage, byteCount: socklen_t) {
        self.storage = storage
        self.byteCount = byteCount
    }

    /// The address that a socket is bound to; nil when it is none.
    init?(of descriptor: Int32) {
        var storage = sockaddr_storage()
        var byteCount = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &byteCount) }
        }
        guard status == 0 else { return nil }
        self.init(storage, byteCount: byteCount)
    }

    var family: Int32 { Int32(storage.ss_family) }

    var port: UInt16 {
        withUnsafeBytes(of: storage) { bytes in
            family == AF_INET
                ? UInt16(bigEndian: bytes.load(as: sockaddr_in.self).sin_port)
                : UInt16(bigEndian: bytes.load(as: sockaddr_in6.self).sin6_port)
        }
    }

    /// The address in numbers, without the port.
    var text: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            withUnsafeBytes(of: storage) { bytes in
                var ip4 = bytes.load(as: sockaddr_in.self).sin_addr
                var ip6 = bytes.load(as: sockaddr_in6.self).sin6_addr
                let text =
                    family == AF_INET
                    ? inet_ntop(AF_INET, &ip4, buffer.baseAddress, socklen_t(buffer.count))
                    : inet_ntop(AF_INET6, &ip6, buffer.baseAddress, socklen_t(buffer.count))
                return text.map { String(cString: $0) } ?? "?"
            }
        }
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, byteCount) }
        }
    }
}
