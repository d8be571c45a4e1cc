// SPDX-License-Identifier: Apache-2.0
// Stream management on the stream (XEP-0198 version 1.6).

import DequeModule
import Logging

extension ClientStream {
    func handleManagement(_ element: Element, _ session: Session) {
        if element.isNamed("r", .streamManagement), let managed {
            managed.acknowledge()
        } else if element.isNamed("a", .streamManagement), let managed {
            acknowledge(element, managed)
        } else if element.isNamed("enable", .streamManagement) {
            send(enableManagement(element, session) ?? .managementFailure(.unexpectedRequest))
        } else if element.isNamed("resume", .streamManagement) {
            send(.managementFailure(.unexpectedRequest))
        } else if managed == nil {
            // XEP-0198 section 3: acknowledgements without stream management
            fail(StreamError(.unsupportedStanzaType))
        } else {
            fail(StreamError(.badFormat))
        }
    }

    /// Switches stream management on.
    ///
    /// - Returns: `<enabled/>`; nil when it is on already, or the host does not offer it.
    func enableManagement(_ enable: Element, _ session: Session) -> Element? {
        guard managed == nil, let options = session.host.service(StreamManagementOptions.self) else { return nil }
        let isResumable = ["true", "1"].contains(enable["resume"] ?? "") && options.bufferedStanzaCountMax != nil
        let managed = ResumableSession(
            session,
            id: isResumable ? RandomToken.make() : nil,
            options: options,
            stream: self,
            registry: services.resumptions
        )
        self.managed = managed
        services.resumptions.insert(managed)
        guard let id = managed.id else { return Element("enabled", .streamManagement) }
        let seconds = String(options.resumptionTimeout.components.seconds)
        return Element("enabled", .streamManagement, ["id": id, "resume": "true", "max": seconds])
    }

    private func acknowledge(_ element: Element, _ managed: ResumableSession) {
        guard let count = element["h"].flatMap({ UInt32($0) }) else { return fail(StreamError(.badFormat)) }
        do throws(StreamManagement.HandledCountTooHigh) {
            try managed.state.acknowledge(count)
        } catch {
            return fail(error.streamError)
        }
        if managed.state.requestsAcknowledgement(at: loop.now) { sendRequest() }
    }

    func sendAcknowledgement(_ handledCount: UInt32) {
        send(Element("a", .streamManagement, ["h": String(handledCount)]))
    }

    /// Gives a client time to acknowledge more than is kept for one that is gone: offline messages and the presence of
    /// many contacts come all at once, and no client can have acknowledged any of it by then.
    ///
    /// - Returns: `.overdue` when the stream was ended, because even that is too much.
    func expectAcknowledgement(_ managed: ResumableSession) -> AcknowledgementState {
        guard managed.state.unacknowledged.count <= Self.unacknowledgedStanzaCountMax,
            managed.state.unacknowledgedByteCount <= Self.unacknowledgedByteCountMax
        else {
            failUnacknowledged()
            return .overdue
        }
        guard acknowledgementTimer == nil else { return .awaited }
        acknowledgementTimer = loop.schedule(after: settings.acknowledgementTimeout) { [self] in
            guard !isEnded else { return }
            acknowledgementTimer = nil
            if self.managed === managed, managed.state.isExhausted { failUnacknowledged() }
        }
        return .awaited
    }

    /// Whether a client may still acknowledge what it got.
    enum AcknowledgementState { case awaited, overdue }

    /// Stanzas that may wait for the acknowledgement of a client that is there.
    static let unacknowledgedStanzaCountMax = 10_000
    /// The memory that these may take.
    static let unacknowledgedByteCountMax = 33_554_432

    private func failUnacknowledged() {
        log(.info, "too many stanzas are not acknowledged; the session ends")
        fail(StreamError(.resourceConstraint, text: "too many stanzas are not acknowledged"))
    }

    func sendRequest() { send(Element("r", .streamManagement)) }

    /// Asks the client for a sign of life.
    func requestAcknowledgementNow() {
        managed?.state.request(at: loop.now)
        sendRequest()
    }

    // MARK: resumption

    /// Why a session cannot be resumed.
    struct ResumptionFailure: Error {
        let element: Element
    }

    func findResumable(_ resume: Element, _ account: BareJID) -> Result<ResumableSession, ResumptionFailure> {
        guard let host, host.service(StreamManagementOptions.self) != nil else {
            return .failure(ResumptionFailure(element: .managementFailure(.featureNotImplemented)))
        }
        guard let id = resume["previd"], let h = resume["h"], UInt32(h) != nil else {
            return .failure(ResumptionFailure(element: .managementFailure(.badRequest)))
        }
        // XEP-0198 section 5: nobody resumes somebody else's session, nor learns that it exists.
        guard let managed = services.resumptions.find(id), managed.session.account == account else {
            return .failure(ResumptionFailure(element: .managementFailure(.itemNotFound)))
        }
        return .success(managed)
    }

    /// `<resume/>` after RFC 6120's SASL.
    func resume(_ element: Element, _ account: BareJID) async {
        switch findResumable(element, account) {
        case .failure(let failure):
            send(failure.element)
            expectProgress()
        case .success(let managed):
            await onLoop(of: managed.session) { [self] in
                guard let resumed = await takeOver(managed, handled: element["h"]) else {
                    return send(.managementFailure(.itemNotFound))
                }
                send(resumed)
                resendUnacknowledged()
            }
        }
    }

    /// Takes a session over from the stream that it had. On the session's loop.
    ///
    /// - Returns: `<resumed/>`; nil when the session ended meanwhile, or the stream did.
    func takeOver(_ managed: ResumableSession, handled: String?) async -> Element? {
        guard !managed.session.isEnded, let id = managed.id, let count = handled.flatMap({ UInt32($0) }) else {
            return nil
        }
        await managed.release()
        guard !isEnded, !managed.session.isEnded else { return nil }
        managed.attach(self)
        do throws(StreamManagement.HandledCountTooHigh) {
            try managed.state.acknowledge(count)
        } catch {
            phase = .bound(managed.session)
            self.managed = managed
            fail(error.streamError)
            return nil
        }
        phase = .bound(managed.session)
        self.managed = managed
        host = managed.session.host
        log(.info, "session resumed")
        watch()
        let handledCount = String(managed.state.handledCount)
        return Element("resumed", .streamManagement, ["h": handledCount, "previd": id])
    }

    /// Sends again what the client has not got (XEP-0198 section 5).
    func resendUnacknowledged() {
        guard let managed else { return }
        for stanza in managed.state.unacknowledged { transport.write { $0.append(stanza) } }
        guard !isEnded else { return }
        if managed.state.requestsAcknowledgement(at: loop.now) { sendRequest() }
        services.router.run(managed.session.host.events.sessionResumed.raise(managed.session))
    }
}

extension Element {
    /// `<failed/>` of stream management.
    static func managementFailure(_ condition: StanzaError.Condition) -> Element {
        Element("failed", .streamManagement) { Element(condition.rawValue, .stanzaErrors) }
    }
}

extension StreamManagement.HandledCountTooHigh {
    /// XEP-0198 section 4: undefined-condition with a detail of its own
    var streamError: StreamError {
        StreamError(
            .undefinedCondition,
            detail: Element(
                "handled-count-too-high",
                .streamManagement,
                ["h": String(acknowledged), "send-count": String(sent)]
            )
        )
    }
}
