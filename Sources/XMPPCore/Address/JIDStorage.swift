// SPDX-License-Identifier: Apache-2.0
// The one representation behind JID, BareJID and FullJID.

/// The bytes of a prepared address, where its parts lie, and its hash. Immutable.
final class JIDStorage: Sendable {
    let bytes: [UInt8]
    /// 0 when there is no localpart.
    let localpartByteCount: Int
    /// Where the domainpart starts in `bytes`.
    let domainpartStart: Int
    let domainpartEnd: Int
    let hash: Int
    /// The address without resourcepart; nil when this is it.
    private let bareStorage: JIDStorage?

    private init(bytes: [UInt8], localpartByteCount: Int, domainpartByteCount: Int, bare: JIDStorage?) {
        self.bytes = bytes
        self.localpartByteCount = localpartByteCount
        domainpartStart = localpartByteCount == 0 ? 0 : localpartByteCount + 1
        domainpartEnd = domainpartStart + domainpartByteCount
        bareStorage = bare
        // Seeded per process: peers choose JIDs, and must not be able to choose colliding ones.
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        hash = hasher.finalize()
    }

    var bare: JIDStorage { bareStorage ?? self }
    var hasResourcepart: Bool { bareStorage != nil }
    /// The bytes of the domainpart, in place.
    @inline(__always)
    func withDomainpart<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[domainpartStart..<domainpartEnd])) }
    }
    var text: String { String(decoding: bytes, as: UTF8.self) }
    var localpart: String? {
        localpartByteCount == 0 ? nil : String(decoding: bytes[..<localpartByteCount], as: UTF8.self)
    }
    var domainpart: String { String(decoding: bytes[domainpartStart..<domainpartEnd], as: UTF8.self) }
    var resourcepart: String? {
        hasResourcepart ? String(decoding: bytes[(domainpartEnd + 1)...], as: UTF8.self) : nil
    }

    static func equal(_ left: JIDStorage, _ right: JIDStorage) -> Bool {
        left === right || (left.hash == right.hash && left.bytes == right.bytes)
    }

    /// Splits at the first `/`, then at the first `@` before it (RFC 7622 section 3.2), and prepares each part.
    static func parse(_ text: UnsafeBufferPointer<UInt8>) throws(JIDError) -> JIDStorage {
        let slash = text.firstIndex(of: 0x2F)
        let bareEnd = slash ?? text.count
        let at = text[..<bareEnd].firstIndex(of: 0x40)
        return try make(
            localpart: at.map { Array(text[..<$0]) },
            domainpart: Array(text[(at.map { $0 + 1 } ?? 0)..<bareEnd]),
            resourcepart: slash.map { Array(text[($0 + 1)...]) }
        )
    }

    static func make(
        localpart: [UInt8]?,
        domainpart: [UInt8],
        resourcepart: [UInt8]?
    ) throws(JIDError) -> JIDStorage {
        var bytes: [UInt8] = []
        if let localpart {
            guard let prepared = prepare(localpart, .nodeprep) else { throw .localpart }
            bytes = prepared
        }
        let localpartByteCount = bytes.count
        if localpartByteCount > 0 { bytes.append(0x40) }
        guard let domain = Domainpart.prepare(domainpart) else { throw .domainpart }
        let bare = JIDStorage(
            bytes: bytes + domain,
            localpartByteCount: localpartByteCount,
            domainpartByteCount: domain.count,
            bare: nil
        )
        guard let resourcepart else { return bare }
        return try bare.with(resourcepart: resourcepart)
    }

    func with(resourcepart: [UInt8]) throws(JIDError) -> JIDStorage {
        guard let prepared = Self.prepare(resourcepart, .resourceprep) else { throw .resourcepart }
        return JIDStorage(
            bytes: bare.bytes + [0x2F] + prepared,
            localpartByteCount: localpartByteCount,
            domainpartByteCount: domainpartEnd - domainpartStart,
            bare: bare
        )
    }

    func domainOnly() -> JIDStorage {
        JIDStorage(
            bytes: Array(bytes[domainpartStart..<domainpartEnd]),
            localpartByteCount: 0,
            domainpartByteCount: domainpartEnd - domainpartStart,
            bare: nil
        )
    }

    private static func prepare(_ part: [UInt8], _ profile: StringPreparation) -> [UInt8]? {
        part.withUnsafeBufferPointer { profile.prepare($0) }
    }
}
