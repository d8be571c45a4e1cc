// SPDX-License-Identifier: Apache-2.0
// Message Carbons (XEP-0280 1.0.1): the other resources of an account see what one of them sends and gets. Not here:
// errors that answer a copied message, for nothing remembers which were; rules for rooms beyond what a message shows.

public import XMPPCore

/// Sends copies of messages to the resources that asked for them.
public struct MessageCarbons: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_carboncopy", implements: [.xep(280, "1.0.1"), .xep(297, "1.0")])
    /// There is nothing to configure.
    public typealias Options = NoOptions

    static let mark = SessionMark("carbons")

    private let host: Host

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.host = host
    }

    /// Lets clients switch the copies on and off, and copies what they send and get.
    public func register(in registrar: inout Registrar) {
        registrar.advertise(.carbons, on: .host)
        registrar.iq(.set, "enable", .carbons, at: .ownAccount, enable)
        registrar.iq(.set, "disable", .carbons, at: .ownAccount, disable)
        registrar.bindFeature(BindFeature(.carbons, bound: enableOnBind))
        registrar.on(.messageSent, copySent)
        registrar.on(.messageDelivered, copyReceived)
    }

    private func enable(_ request: IQRequest) throws(StanzaError) -> Element? {
        guard let session = request.session else { throw .notAllowed }
        session.setMark(Self.mark, .on)
        return nil
    }

    private func disable(_ request: IQRequest) throws(StanzaError) -> Element? {
        guard let session = request.session else { throw .notAllowed }
        session.setMark(Self.mark, .off)
        return nil
    }

    /// XEP-0386 section 3.3: enabling cannot fail and is not answered.
    private func enableOnBind(_ session: Session, _ request: Element) -> Element? {
        if request.isNamed("enable", .carbons) { session.setMark(Self.mark, .on) }
        return nil
    }

    /// XEP-0280 section 8.
    private func copySent(_ sent: SentMessage) -> Work {
        let account = sent.session.account
        let sessions = host.registry.sessions(of: account)
        // Most accounts have one session, and nobody to copy to. What an account sends to itself is received there, and
        // copied as such.
        guard sessions.count > 1, sent.stanza.to?.bare != account, Self.isEligible(sent.stanza, .sent) else {
            return .done
        }
        let stanza = sent.ownMark.map(sent.stanza.adding) ?? sent.stanza
        copy(stanza, .sent, of: account, to: sessions.filter { $0.session !== sent.session })
        return .done
    }

    /// XEP-0280 section 7.
    private func copyReceived(_ delivered: DeliveredMessage) -> Work {
        let message = delivered.message
        guard delivered.sessions.count > delivered.recipients.count, Self.isEligible(message.stanza, .received) else {
            return .done
        }
        let others = delivered.sessions.filter { record in
            // Whoever got it needs no copy, and whoever sent it to a resource of the same account neither.
            !delivered.recipients.contains { $0 === record.session } && record.session.jid.jid != message.stanza.from
        }
        copy(message.stanza, .received, of: message.account, to: others)
        return .done
    }

    private func copy(_ stanza: Stanza, _ direction: Direction, of account: BareJID, to sessions: [SessionRecord]) {
        let sessions = sessions.filter { $0.marks.contains(Self.mark) }
        guard !sessions.isEmpty, let original = Message(stanza) else { return }
        var copy = Message(from: account.jid, type: original.type) {
            Element(direction.rawValue, .carbons) { Element("forwarded", .forward) { stanza.asElement } }
        }
        // XEP-0280 section 11: what comes back for a copy goes to nobody.
        copy.stanza.isCopy = true
        for record in sessions {
            copy.to = record.session.jid.jid
            record.session.deliver(copy.stanza)
        }
    }

    // MARK: which messages are copied

    /// Which way a copied message went, as the element around it is called.
    enum Direction: String { case sent, received }

    /// Whether a message is one that is copied: XEP-0280 section 6.1.
    static func isEligible(_ stanza: Stanza, _ direction: Direction) -> Bool {
        guard !stanza.isCopy, let message = Message(stanza), message.type != .groupchat, message.type != .error else {
            return false
        }
        // XEP-0280 section 9, XEP-0334 section 4.3; and a message is forwarded only once.
        let isForbidden = stanza.children.contains { child in
            child.namespace == .carbons && ["private", "sent", "received"].contains(child.name)
        }
        guard !isForbidden, !message.has(.noCopy) else { return false }
        if let room = stanza.child("x", .roomUser) {
            // An invitation through a room is copied; a private message from a room is sent by it to every resource.
            if room.child("invite") != nil { return true }
            if direction == .received, stanza.from?.isBare == false { return false }
        }
        if message.type == .chat || hasMessagingPayload(stanza) { return true }
        return message.type == .normal && stanza.has("body", .client)
    }

    private static func hasMessagingPayload(_ stanza: Stanza) -> Bool {
        stanza.children.contains { Self.messagingNamespaces.contains($0.namespace) }
    }

    private static let messagingNamespaces: Set<Namespace> = [
        .chatStates, .deliveryReceipts, .chatMarkers, .directInvitations,
    ]
}

extension Namespace {
    /// Message carbons (XEP-0280).
    static let carbons: Namespace = "urn:xmpp:carbons:2"
    /// Message delivery receipts (XEP-0184).
    static let deliveryReceipts: Namespace = "urn:xmpp:receipts"
    /// Chat markers (XEP-0333).
    static let chatMarkers: Namespace = "urn:xmpp:chat-markers:0"
    /// Direct invitations to rooms (XEP-0249).
    static let directInvitations: Namespace = "jabber:x:conference"
    /// What a room says of a user (XEP-0045).
    static let roomUser: Namespace = "http://jabber.org/protocol/muc#user"
}
