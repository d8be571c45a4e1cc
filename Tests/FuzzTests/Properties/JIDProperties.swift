// SPDX-License-Identifier: Apache-2.0
// Addresses: what is one stays the same address when it, or any of its parts, is prepared again.

@testable import XMPPCore

enum JIDProperties {
    static func check(_ input: [UInt8]) throws(PropertyViolation) {
        var cache = JIDCache()
        let first = input.withUnsafeBufferPointer { input in
            address { () throws(JIDError) in try JID(utf8: input) }
        }
        // The second look-up finds what the first one kept.
        for _ in 0..<2 {
            let cached = input.withUnsafeBufferPointer { input in
                address { () throws(JIDError) in try cache.jid(input) }
            }
            try require(cached == first, "the cache has \(cached) for \(first)")
        }
        guard case .success(let jid) = first else { return }
        try checkParts(jid)
        let again = address { () throws(JIDError) in try JID(jid.description) }
        try require(again == first && hash(again) == hash(first), "\(jid) prepared again is \(again)")
        let bare = address { () throws(JIDError) in try BareJID(jid.bare.description).jid }
        try require(bare == .success(jid.bare.jid), "\(jid.bare) prepared again is \(bare)")
        let domain = address { () throws(JIDError) in try JID(jid.domainpart) }
        try require(domain == .success(jid.bare.domain.jid), "\(jid.domainpart) alone is \(domain)")
        if let localpart = jid.localpart {
            let made = address { () throws(JIDError) in
                try BareJID(localpart: localpart, domainpart: jid.domainpart).jid
            }
            try require(made == .success(jid.bare.jid), "made of its parts, \(jid.bare) is \(made)")
        }
        if let resourcepart = jid.resourcepart {
            let made = address { () throws(JIDError) in try jid.bare.with(resourcepart: resourcepart).jid }
            try require(made == first, "made of its parts, \(jid) is \(made)")
        }
    }

    private static func checkParts(_ jid: JID) throws(PropertyViolation) {
        let parts = [jid.localpart, jid.domainpart, jid.resourcepart].compactMap { $0 }
        for part in parts {
            // RFC 7622 section 3.1
            try require((1...1023).contains(part.utf8.count), "a part of \(jid) has \(part.utf8.count) bytes")
            try require(!part.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }, "\(jid) has a control")
            try require(!part.contains("\u{FFFD}"), "\(jid) is not UTF-8")
        }
        let written =
            (jid.localpart.map { "\($0)@" } ?? "") + jid.domainpart + (jid.resourcepart.map { "/\($0)" } ?? "")
        try require(jid.description == written, "\(jid) consists of \(parts)")
        // RFC 3920 appendix A.5
        let forbidden = jid.localpart?.utf8.contains { "\"&'/:<>@ ".utf8.contains($0) } ?? false
        try require(!forbidden, "the localpart of \(jid) has a delimiter")
        try require(
            !jid.domainpart.utf8.contains { "@/ ".utf8.contains($0) }, "the domainpart of \(jid) has a delimiter")
        try require(
            jid.isBare == (jid.resourcepart == nil) && jid.isBare == (jid.full == nil), "whether \(jid) is bare")
        try require(jid.isDomain == (jid.localpart == nil), "whether \(jid) is a domain")
    }

    private static func address(_ make: () throws(JIDError) -> JID) -> Result<JID, JIDError> {
        do throws(JIDError) { return .success(try make()) } catch { return .failure(error) }
    }

    private static func hash(_ address: Result<JID, JIDError>) -> Int { address.hashValue }
}
