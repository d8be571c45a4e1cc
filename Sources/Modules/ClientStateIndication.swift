// SPDX-License-Identifier: Apache-2.0
// Client State Indication (XEP-0352 1.0.0): while nobody looks at a client, what can wait waits. That is presence and
// chat states; nothing is left out but presence that a newer one of the same sender replaces.

public import XMPPCore

/// Holds back what an inactive client need not know at once.
public struct ClientStateIndication: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_csi", implements: [.xep(352, "1.0.0")])

    /// The options of mod_csi.
    public struct Options: ModuleOptions {
        /// Stanzas that are held back before all of them are sent.
        public var bufferedStanzaCountMax = 20

        /// The defaults.
        public init() {}

        /// Reads the section `modules.mod_csi`.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            try o.read("buffer_max", into: &bufferedStanzaCountMax, in: 1...10_000)
        }
    }

    private let options: Options

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.options = options
    }

    /// Listens to `<active/>` and `<inactive/>`, and filters what is delivered in between.
    public func register(in registrar: inout Registrar) {
        registrar.streamFeature(StreamFeature(.authenticated) { Element("csi", .clientState) })
        registrar.nonza("active", .clientState) { session, _ in becomeActive(session) }
        registrar.nonza("inactive", .clientState) { session, _ in becomeInactive(session) }
        registrar.bindFeature(BindFeature(.clientState, bound: stateOnBind))
        // After all that may still change or drop the stanza.
        registrar.filter(.delivery, in: .deliver, holdBack)
        // XEP-0352 section 5.1: a resumed stream is active.
        registrar.on(.sessionResumed, becomeActive)
    }

    private func becomeActive(_ session: Session) -> Work {
        let held = session[Held.self]
        session[Held.self] = nil
        for stanza in held?.stanzas ?? [] { session.release(stanza) }
        return .done
    }

    private func becomeInactive(_ session: Session) -> Work {
        if session[Held.self] == nil { session[Held.self] = HeldStanzas() }
        return .done
    }

    /// XEP-0386 section 3.3: the session begins in the state that the client names.
    private func stateOnBind(_ session: Session, _ request: Element) -> Element? {
        if request.isNamed("inactive", .clientState) { session[Held.self] = HeldStanzas() }
        return nil
    }

    private func holdBack(_ delivery: inout Delivery) throws(StanzaError) -> FilterDecision {
        let session = delivery.session
        guard var held = session[Held.self] else { return .pass }
        let isHeld = held.add(delivery.stanza)
        // What matters is sent, after what came before it: order is kept.
        let released = isHeld && held.stanzas.count < options.bufferedStanzaCountMax ? [] : held.takeAll()
        session[Held.self] = held
        for stanza in released { session.release(stanza) }
        return isHeld ? .drop : .pass
    }

    /// With a session whose client is inactive.
    private enum Held: SessionKey { typealias Value = HeldStanzas }
}

/// What waits for a client to look.
struct HeldStanzas: Sendable {
    /// In the order in which they are to be sent.
    private(set) var stanzas: [Stanza] = []

    /// Takes a stanza if it may wait. Presence replaces that of the same sender.
    ///
    /// - Returns: whether it was taken.
    mutating func add(_ stanza: Stanza) -> Bool {
        if let presence = Presence(stanza) {
            guard presence.type == .available || presence.type == .unavailable else { return false }
            stanzas.removeAll { $0.kind == .presence && $0.from == stanza.from }
        } else {
            guard let message = Message(stanza), message.type != .error, message.isTransient else { return false }
        }
        stanzas.append(stanza)
        return true
    }

    /// Gives all that waits away.
    mutating func takeAll() -> [Stanza] {
        defer { stanzas = [] }
        return stanzas
    }
}

extension Namespace {
    /// Client state indication (XEP-0352).
    static let clientState: Namespace = "urn:xmpp:csi:0"
}
