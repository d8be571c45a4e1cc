// SPDX-License-Identifier: Apache-2.0
// XMPP Ping (XEP-0199 2.0.1): answers clients' pings and, if so configured, pings clients that say nothing.

public import XMPPCore

/// Answers pings, and finds out whether silent clients are still there.
public struct Ping: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_ping", implements: [.xep(199, "2.0.1")])

    /// The options of mod_ping.
    public struct Options: ModuleOptions {
        /// What becomes of a client that does not answer.
        public enum TimeoutAction: String, CaseIterable, Sendable {
            /// Nothing.
            case none
            /// Its stream ends with `<connection-timeout/>`.
            case kill
        }

        /// Whether silent clients are pinged.
        public var sendsPings = false
        /// How long a client says nothing before it is pinged.
        public var interval = Duration.seconds(60)
        /// How long it has to answer.
        public var answerTimeout = Duration.seconds(32)
        /// What becomes of a client that does not answer.
        public var timeoutAction = TimeoutAction.none

        /// The defaults.
        public init() {}

        /// Reads the section `modules.mod_ping`.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            try o.read("send_pings", into: &sendsPings)
            try o.read("ping_interval", into: &interval, unit: .seconds, in: 1...86_400)
            try o.read("ping_req_timeout", into: &answerTimeout, unit: .seconds, in: 1...86_400)
            try o.read("timeout_action", into: &timeoutAction)
        }
    }

    private let options: Options
    private let host: Host

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.options = options
        self.host = host
    }

    /// Answers pings, and watches sessions if silent clients are to be pinged.
    public func register(in registrar: inout Registrar) {
        registrar.advertise(.ping, on: .host, .account)
        registrar.iq(.get, "ping", .ping, at: .host, pong)
        registrar.iq(.get, "ping", .ping, at: .ownAccount, pong)
        guard options.sendsPings else { return }
        registrar.on(.sessionBound, watch)
        registrar.on(.stanzaReceived, noteStanza)
        registrar.on(.sessionEnded, forget)
    }

    /// XEP-0199 section 4.2.
    private func pong(_ request: IQRequest) throws(StanzaError) -> Element? { nil }

    private func watch(_ session: Session) -> Work {
        let schedule = PingSchedule(options, now: host.time.uptime)
        let state = State(schedule)
        session[State.Key.self] = state
        wait(options.interval, session, state)
        return .done
    }

    private func noteStanza(_ session: Session) -> Work {
        session[State.Key.self]?.schedule.stanzaReceived(now: host.time.uptime)
        return .done
    }

    private func forget(_ ended: EndedSession) -> Work {
        if let timer = ended.session[State.Key.self]?.timer { ended.session.cancel(timer) }
        ended.session[State.Key.self] = nil
        return .done
    }

    private func wait(_ delay: Duration, _ session: Session, _ state: State) {
        state.timer = session.schedule(after: delay) { timerFired(session, state) }
    }

    private func timerFired(_ session: Session, _ state: State) {
        switch state.schedule.timerFired(now: host.time.uptime) {
        case .wait(let delay):
            wait(delay, session, state)
        case .ping(let number, let delay):
            let payload = Element("ping", .ping)
            let ping = IQ(
                to: session.jid.jid,
                from: host.address.jid,
                type: .get,
                id: "ping\(number)",
                payload: payload
            )
            session.deliver(ping.stanza)
            wait(delay, session, state)
        case .unanswered(let delay):
            if options.timeoutAction == .kill {
                session.disconnect(StreamError(.connectionTimeout, text: "no answer to a ping"))
            } else {
                wait(delay, session, state)
            }
        }
    }
}

/// What is kept with a session that is watched.
///
/// `@unchecked Sendable`: touched on the session's loop only.
private final class State: @unchecked Sendable {
    enum Key: SessionKey { typealias Value = State }

    var schedule: PingSchedule
    var timer: SessionTimer?

    init(_ schedule: PingSchedule) { self.schedule = schedule }
}

/// When a client is pinged, and when it has not answered. Whatever a client sends is an answer.
struct PingSchedule {
    enum Action: Equatable {
        /// Nothing is due; look again after this time.
        case wait(Duration)
        /// A ping is due, the number-th of this session; look again after this time.
        case ping(number: Int, wait: Duration)
        /// The client said nothing since the ping; look again after this time.
        case unanswered(wait: Duration)
    }

    private let interval: Duration
    private let answerTimeout: Duration
    private var lastReceived: Duration
    private var pingSent: Duration?
    private var pingCount = 0

    /// Starts with a client that is heard now.
    init(_ options: Ping.Options, now: Duration) {
        interval = options.interval
        answerTimeout = options.answerTimeout
        lastReceived = now
    }

    mutating func stanzaReceived(now: Duration) { lastReceived = now }

    mutating func timerFired(now: Duration) -> Action {
        let sent = pingSent
        pingSent = nil
        if let sent, lastReceived < sent { return .unanswered(wait: interval) }
        let silence = now - lastReceived
        guard silence >= interval else { return .wait(interval - silence) }
        pingSent = now
        pingCount &+= 1
        return .ping(number: pingCount, wait: answerTimeout)
    }
}

extension Namespace {
    /// XMPP Ping (XEP-0199).
    static let ping: Namespace = "urn:xmpp:ping"
}
