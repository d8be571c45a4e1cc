// SPDX-License-Identifier: Apache-2.0
// The hash of an account's avatar in its presence (XEP-0153 1.1.1, vCard-Based Avatars), for clients that leave it out. A
// client's own element stays as it is, an empty one too: it says that the client knows the protocol and has its reasons.

import Logging
import Synchronization
import XMPPCore

/// What presence says of the avatar in a vCard: SHA-1 of the image in hexadecimal digits; empty when there is no image.
struct AvatarHash: Equatable {
    let text: String

    /// Reads a `<vCard/>` element.
    init(ofVCard vCard: Element) {
        // XEP-0153 section 4.6: white space in the Base64 is ignored.
        let encoded = vCard.child("PHOTO")?.childText("BINVAL")?.utf8.filter { !$0.isXMLSpace } ?? []
        text = Base64.decode(encoded).flatMap { $0.isEmpty ? nil : Self.digest($0) } ?? ""
    }

    private static func digest(_ image: [UInt8]) -> String? {
        do throws(CryptoError) {
            let digits = Array("0123456789abcdef")
            let bytes = try Crypto.digest(image, using: .sha1)
            return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
        } catch {
            // An OpenSSL without SHA-1: no avatar is announced.
            return nil
        }
    }

    /// The element of XEP-0153 section 3.1, and 4.1 for no image.
    var element: Element {
        Element("x", .vCardUpdate) { Element("photo", .vCardUpdate) { text } }
    }
}

/// Completes the presence of an account that has a vCard. The hash of each account that is online is kept in memory: it
/// is read from the store once, for the first presence that lacks it.
final class AvatarHashes: Sendable {
    /// Whether a session's last presence has the hash from here.
    private enum IsAdded: SessionKey {
        typealias Value = Bool
    }

    private let host: Host
    /// Of accounts with sessions only; nil in it for an account without a vCard.
    private let known = Mutex<[BareJID: AvatarHash?]>([:])

    init(_ host: Host) { self.host = host }

    func register(in registrar: inout Registrar) {
        registrar.completePresence(complete)
        registrar.on(.sessionEnded) { [self] ended in
            forget(ended.session.account)
            return .done
        }
    }

    private func complete(_ presence: Presence, _ session: Session) -> PresenceCompletion {
        guard !presence.stanza.has("x", .vCardUpdate) else {
            if presence.to == nil { session[IsAdded.self] = nil }
            return .now(presence)
        }
        let hash = known.withLock { $0[session.account] }
        if let hash { return .now(Self.adding(hash, to: presence, of: session)) }
        return .later { [self] in Self.adding(await load(session.account), to: presence, of: session) }
    }

    private static func adding(_ hash: AvatarHash?, to presence: Presence, of session: Session) -> Presence {
        guard let hash else { return presence }
        if presence.to == nil { session[IsAdded.self] = true }
        var presence = presence
        presence.stanza = presence.stanza.adding(hash.element)
        return presence
    }

    private func load(_ account: BareJID) async -> AvatarHash? {
        do throws(StorageError) {
            let element = try await host.storage.vCards.vCard(of: account).flatMap { Element(parsing: $0) }
            let stored = element.map { AvatarHash(ofVCard: $0) }
            return known.withLock { known in
                // What was set meanwhile is newer than what was read.
                if let newer = known[account] { return newer }
                // One whose last session has ended meanwhile is not remembered, for nobody would forget it.
                if !host.registry.sessions(of: account).isEmpty { known.updateValue(stored, forKey: account) }
                return stored
            }
        } catch {
            host.logFailure("an avatar is not announced", error, level: .warning)
            return nil
        }
    }

    private func forget(_ account: BareJID) {
        known.withLock { known in
            if host.registry.sessions(of: account).isEmpty { known.removeValue(forKey: account) }
        }
    }

    /// An account's vCard was stored. Resources whose presence had the old hash from here, or should have had one, say
    /// the new one; a client that speaks the protocol does so itself.
    func changed(to hash: AvatarHash, of account: BareJID) {
        let sessions = host.registry.sessions(of: account)
        let old = known.withLock { known in
            let old = known[account]
            if !sessions.isEmpty { known.updateValue(hash, forKey: account) }
            return old
        }
        guard old != .some(hash) else { return }
        for record in sessions where record.isAvailable {
            let session = record.session
            session.loop.post { [self] in announce(session) }
        }
    }

    private func announce(_ session: Session) {
        guard var presence = session.presence else { return }
        let isAdded = session[IsAdded.self] == true
        if isAdded {
            presence.stanza = presence.stanza.removing { $0.name == "x" && $0.namespace == .vCardUpdate }
        }
        guard !presence.stanza.has("x", .vCardUpdate) else { return }
        // As if the client sent it again: it is completed with the new hash on its way.
        host.router.run(host.router.route(presence.stanza, from: session))
    }
}

extension Namespace {
    /// The hash of the avatar in presence (XEP-0153).
    static let vCardUpdate: Namespace = "vcard-temp:x:update"
}
