// SPDX-License-Identifier: Apache-2.0
// XMPP addresses (RFC 7622), prepared by the stringprep profiles of RFC 3920.

/// Why a text is no JID.
public enum JIDError: Error, Hashable, Sendable {
    /// The localpart is empty, too long or has a character that its profile forbids.
    case localpart
    /// The domainpart is empty, too long or no domain name.
    case domainpart
    /// The resourcepart is empty, too long or has a character that its profile forbids.
    case resourcepart
    /// The text has a resourcepart, and a bare JID was asked for; or has none, and a full JID was asked for.
    case form
}

/// An XMPP address: `domainpart`, `localpart@domainpart`, or either with `/resourcepart` (RFC 7622 section 3).
///
/// A JID is always prepared, so that equal addresses have equal bytes. It is one reference, compares by a hash
/// computed once, and is cheap to copy.
public struct JID: Sendable, Hashable, CustomStringConvertible {
    let storage: JIDStorage

    init(storage: JIDStorage) { self.storage = storage }

    /// Parses and prepares an address.
    ///
    /// - Throws: ``JIDError`` when a part is missing, too long or forbidden: the fault of who wrote the text.
    public init(_ text: String) throws(JIDError) {
        let bytes = Array(text.utf8)
        let parsed = bytes.withUnsafeBufferPointer { bytes -> Result<JIDStorage, JIDError> in
            do throws(JIDError) { return .success(try JIDStorage.parse(bytes)) } catch { return .failure(error) }
        }
        storage = try parsed.get()
    }

    /// Parses and prepares an address given as UTF-8.
    init(utf8 bytes: UnsafeBufferPointer<UInt8>) throws(JIDError) {
        storage = try JIDStorage.parse(bytes)
    }

    /// The part before `@`; nil for the address of a domain.
    public var localpart: String? { storage.localpart }
    /// The domain, without a trailing dot.
    public var domainpart: String { storage.domainpart }
    /// The part after the first `/`; nil for a bare JID.
    public var resourcepart: String? { storage.resourcepart }

    /// This address without its resourcepart.
    public var bare: BareJID { BareJID(storage: storage.bare) }
    /// This address as a full JID; nil when it has no resourcepart.
    public var full: FullJID? { storage.hasResourcepart ? FullJID(storage: storage) : nil }
    /// Whether the address has no resourcepart.
    public var isBare: Bool { !storage.hasResourcepart }
    /// Whether the address has no localpart: a server or a service, not an account.
    public var isDomain: Bool { storage.localpartByteCount == 0 }

    /// The address as it is written: the parts that it has, prepared.
    public var description: String { storage.text }

    /// Whether both are the same address, part by part, as prepared.
    public static func == (left: JID, right: JID) -> Bool { JIDStorage.equal(left.storage, right.storage) }
    /// Hashes the address, so that equal addresses have equal hashes.
    public func hash(into hasher: inout Hasher) { hasher.combine(storage.hash) }
}

/// An address without a resourcepart: an account (`localpart@domainpart`) or a domain.
public struct BareJID: Sendable, Hashable, CustomStringConvertible {
    let storage: JIDStorage

    init(storage: JIDStorage) { self.storage = storage }

    /// Parses and prepares a bare JID.
    ///
    /// - Throws: ``JIDError``; `.form` when the text has a resourcepart.
    public init(_ text: String) throws(JIDError) {
        let jid = try JID(text)
        guard jid.isBare else { throw .form }
        storage = jid.storage
    }

    /// Makes the address of an account.
    ///
    /// - Throws: ``JIDError`` for the part that is not valid.
    public init(localpart: String, domainpart: String) throws(JIDError) {
        storage = try JIDStorage.make(
            localpart: Array(localpart.utf8),
            domainpart: Array(domainpart.utf8),
            resourcepart: nil
        )
    }

    /// The part before `@`; nil for the address of a domain.
    public var localpart: String? { storage.localpart }
    /// The domain, without a trailing dot.
    public var domainpart: String { storage.domainpart }
    /// The same address in the type that any address has.
    public var jid: JID { JID(storage: storage) }
    /// The address of the domain alone.
    public var domain: BareJID { storage.localpartByteCount == 0 ? self : BareJID(storage: storage.domainOnly()) }

    /// This address with a resourcepart.
    ///
    /// - Throws: ``JIDError/resourcepart`` when the text is not a valid resourcepart.
    public func with(resourcepart: String) throws(JIDError) -> FullJID {
        FullJID(storage: try storage.with(resourcepart: Array(resourcepart.utf8)))
    }

    /// The address as it is written: `localpart@domainpart`, or the domainpart alone.
    public var description: String { storage.text }

    /// Whether both are the same address, part by part, as prepared.
    public static func == (left: BareJID, right: BareJID) -> Bool { JIDStorage.equal(left.storage, right.storage) }
    /// Hashes the address, so that equal addresses have equal hashes.
    public func hash(into hasher: inout Hasher) { hasher.combine(storage.hash) }
}

/// An address with a resourcepart: one connected resource of an account.
public struct FullJID: Sendable, Hashable, CustomStringConvertible {
    let storage: JIDStorage

    init(storage: JIDStorage) { self.storage = storage }

    /// Parses and prepares a full JID.
    ///
    /// - Throws: ``JIDError``; `.form` when the text has no resourcepart.
    public init(_ text: String) throws(JIDError) {
        guard let full = try JID(text).full else { throw .form }
        self = full
    }

    /// The part before `@`; nil for a resource of a domain.
    public var localpart: String? { storage.localpart }
    /// The domain, without a trailing dot.
    public var domainpart: String { storage.domainpart }
    /// The part after the first `/`.
    public var resourcepart: String { storage.resourcepart ?? "" }
    /// This address without its resourcepart.
    public var bare: BareJID { BareJID(storage: storage.bare) }
    /// The same address in the type that any address has.
    public var jid: JID { JID(storage: storage) }

    /// The address as it is written: with its resourcepart.
    public var description: String { storage.text }

    /// Whether both are the same address, part by part, as prepared.
    public static func == (left: FullJID, right: FullJID) -> Bool { JIDStorage.equal(left.storage, right.storage) }
    /// Hashes the address, so that equal addresses have equal hashes.
    public func hash(into hasher: inout Hasher) { hasher.combine(storage.hash) }
}
