// SPDX-License-Identifier: Apache-2.0
// A client of a stream in memory that costs little beside the server.

import Glibc
import XMPPCore

/// Logs in by SCRAM-SHA-1, and counts what it gets. For one caller at a time.
final class Client: Sendable {
    private let stream: InProcessXMLStream
    private static let header =
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0' to='example.org'"
        + " xmlns:stream='http://etherx.jabber.org/streams'>"

    /// What logging in needs of a password, as long as the account's salt stays the same.
    struct Keys: Sendable {
        let client: [UInt8]
        let stored: [UInt8]

        init(password: String, salt: [UInt8], iterationCount: Int) throws {
            let salted = try Crypto.pbkdf2(
                password: Array(password.utf8), salt: salt, iterationCount: iterationCount, using: .sha1)
            client = try Crypto.hmac(key: salted, message: Array("Client Key".utf8), using: .sha1)
            stored = try Crypto.digest(client, using: .sha1)
        }
    }

    init(_ stream: InProcessXMLStream) { self.stream = stream }

    /// Authenticates, binds a resource, fetches the roster and sends presence, as clients do.
    func logIn(_ name: String, resource: String, _ keys: (_ salt: [UInt8], _ iterationCount: Int) throws -> Keys)
        async throws
    {
        stream.write(Self.header)
        _ = await receive("</stream:features>")
        let first = "n=\(name),r=client"
        let start = Base64.encodeToString(Array("n,,\(first)".utf8))
        stream.write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>\(start)</auth>")
        let challenge = Self.text(of: await receive("</challenge>"))
        guard let decoded = Base64.decode(challenge) else { preconditionFailure("no challenge") }
        let fields = decoded.split(separator: UInt8(ascii: ",")).map { Array($0.dropFirst(2)) }
        guard let salt = Base64.decode(fields[1]), let count = Int(String(decoding: fields[2], as: UTF8.self)) else {
            preconditionFailure("no challenge of SCRAM")
        }
        let final = Array("c=biws,r=".utf8) + fields[0]
        let message = Array("\(first),".utf8) + decoded + [UInt8(ascii: ",")] + final
        let keys = try keys(salt, count)
        let signature = try Crypto.hmac(key: keys.stored, message: message, using: .sha1)
        let proof = zip(keys.client, signature).map { $0 ^ $1 }
        let response = Base64.encodeToString(final + Array(",p=".utf8) + Base64.encode(proof))
        stream.write("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\(response)</response>")
        _ = await receive("</success>")
        stream.write(Self.header)
        _ = await receive("</stream:features>")
        stream.write(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>\(resource)</resource>"
                + "</bind></iq>"
        )
        _ = await receive("</iq>")
        stream.write("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq><presence/>")
        _ = await receive("<presence")
    }

    /// Closes the stream, and returns once the server has.
    func logOut() async {
        stream.write("<presence type='unavailable'/></stream:stream>")
        _ = await receive("</stream:stream>")
    }

    func write(_ bytes: [UInt8]) { stream.write(bytes) }

    /// Returns once `text` came so many times. Pieces of output end where stanzas do.
    func receive(_ count: Int, _ text: String) async {
        let pattern = Array(text.utf8)
        var missing = count
        for await bytes in stream.output {
            missing -= Self.occurrences(of: pattern, in: bytes)
            if missing <= 0 { return }
        }
        preconditionFailure("the stream ended before \(text)")
    }

    /// The piece of output in which `text` came.
    private func receive(_ text: String) async -> [UInt8] {
        let pattern = Array(text.utf8)
        for await bytes in stream.output where Self.occurrences(of: pattern, in: bytes) > 0 { return bytes }
        preconditionFailure("the stream ended before \(text)")
    }

    /// What lies between the last start tag and the end tag after it.
    private static func text(of bytes: [UInt8]) -> ArraySlice<UInt8> {
        guard let end = bytes.lastIndex(of: UInt8(ascii: "<")),
            let start = bytes[..<end].lastIndex(of: UInt8(ascii: ">"))
        else { return [] }
        return bytes[(start + 1)..<end]
    }

    private static func occurrences(of pattern: [UInt8], in bytes: [UInt8]) -> Int {
        bytes.withUnsafeBytes { bytes in
            guard var next = bytes.baseAddress else { return 0 }
            let end = next + bytes.count
            var count = 0
            while let found = memchr(next, Int32(pattern[0]), end - next) {
                next = UnsafeRawPointer(found)
                guard end - next >= pattern.count else { break }
                if memcmp(next, pattern, pattern.count) == 0 { count += 1 }
                next += 1
            }
            return count
        }
    }
}
