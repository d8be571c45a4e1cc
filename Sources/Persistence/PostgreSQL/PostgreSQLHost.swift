// SPDX-License-Identifier: Apache-2.0
// The addresses of a server. libpq would look them up by itself, and hold the loop up meanwhile.

import Glibc
import XMPPCore

enum PostgreSQLHost {
    /// The addresses of a host, one at least; one that is nil for a local socket.
    static func addresses(of host: String, _ helpers: WorkerPool) async -> Result<[String?], StorageError> {
        if host.hasPrefix("/") { return .success([nil]) }
        do {
            return .success(try await helpers.run { try lookUp(host) })
        } catch {
            return .failure(.unavailable(detail: "\(host) is not found"))
        }
    }

    /// Blocks.
    private static func lookUp(_ host: String) throws(StorageError) -> [String?] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { throw .unavailable(detail: String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        var addresses: [String?] = []
        var next = list
        while let entry = next?.pointee {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            if getnameinfo(
                entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
            {
                addresses.append(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
            }
            next = entry.ai_next
        }
        guard !addresses.isEmpty else { throw .unavailable(detail: "\(host) has no address") }
        return addresses
    }
}
