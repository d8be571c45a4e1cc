// SPDX-License-Identifier: Apache-2.0
// Features, STARTTLS (RFC 6120 section 5), and what a client may ask before it has authenticated.

extension ClientStream {
    /// Sends the features of the step that the stream is at.
    func sendFeatures() {
        guard let host else { return }
        switch phase {
        case .unauthenticated, .authenticating:
            if mustStartTLS { return sendFeatures(.tlsRequired, of: host) }
            let offer = offer(of: host)
            sendFeatures(
                .unauthenticated(offer, offersTLS: transport.offersTLS, offersSASL2: offersSASL2), of: host
            )
        case .authenticated:
            sendFeatures(.authenticated, of: host)
        case .bound:
            sendFeatures(.bound, of: host)
        case .ended:
            break
        }
    }

    private func sendFeatures(_ step: StreamFeatures.Step, of host: Host) {
        let text = services.features.text(of: step, host: host, settings: settings)
        transport.write { $0.append(text) }
    }

    var mustStartTLS: Bool { settings.tlsMode == .starttlsRequired && !transport.isEncrypted }

    /// What SASL offers on this stream.
    func offer(of host: Host) -> SASLOffer {
        let confidentiality: SASLOffer.Transport = isConfidential ? .secure : .plaintext
        guard let authenticator = services.authenticators[host.configuration.domain] else {
            return SASLOffer(configured: [], transport: confidentiality)
        }
        return authenticator.offer(
            allowed: settings.allowedMethods,
            transport: confidentiality,
            channelBindingTypes: transport.channelBindingTypes
        )
    }

    /// Whether nobody on the way can read along: TLS, or a peer on this machine, whose bytes leave no wire.
    ///
    /// DEVIATION: RFC 6120 section 13.8.3 wants TLS for PLAIN. See docs/decisions/0006.
    private var isConfidential: Bool {
        transport.isEncrypted || transport.isInProcess || transport.peerAddress.hasPrefix("127.")
            || transport.peerAddress == "::1"
    }

    /// XEP-0388 section 2: only after TLS has been negotiated. In process there is nothing to encrypt.
    var offersSASL2: Bool {
        host?.service(SASL2Options.self) != nil && (transport.isEncrypted || transport.isInProcess)
    }

    func handleUnauthenticated(_ element: Element) {
        guard let host else { return fail(StreamError(.internalServerError)) }
        if element.isNamed("starttls", .tls) { return startTLS() }
        // RFC 6120 section 5.3.1: where TLS is required, nothing comes before it.
        guard !mustStartTLS else { return fail(StreamError(.policyViolation, text: "TLS is required")) }
        if element.isNamed("auth", .sasl) { return authenticate(element, host, .rfc6120) }
        if element.isNamed("authenticate", .sasl2), offersSASL2 {
            return authenticate(element, host, .sasl2(element))
        }
        if element.isNamed("abort", .sasl) || element.isNamed("response", .sasl) {
            return fail(StreamError(.notAuthorized))
        }
        guard element.isNamed("iq", .client) else {
            // RFC 6120 section 4.9.3.12: no stanzas before authentication
            let isStanza = element.isNamed("message", .client) || element.isNamed("presence", .client)
            return fail(StreamError(isStanza ? .notAuthorized : .unsupportedStanzaType))
        }
        handleUnauthenticatedIQ(element, host)
    }

    private func startTLS() {
        guard transport.offersTLS else {
            send(Element("failure", .tls))
            return close()
        }
        send(Element("proceed", .tls))
        secure()
    }

    private func handleUnauthenticatedIQ(_ element: Element, _ host: Host) {
        guard case .success(let stanza) = parseStanza(element), let iq = IQ(stanza), let payload = iq.payload,
            let handler = host.unauthenticatedHandler(for: payload)
        else { return fail(StreamError(.notAuthorized)) }
        strangerRequestCount += 1
        guard strangerRequestCount <= settings.strangerRequestCountMax else {
            return fail(StreamError(.policyViolation, text: "too many requests before authentication"))
        }
        let request = UnauthenticatedRequest(
            iq: iq,
            payload: payload,
            peerAddress: transport.peerAddress,
            isEncrypted: transport.isEncrypted,
            endStream: { [loop] error in
                loop.post { [weak self] in if let self, self.loop.isCurrent { fail(error) } }
            }
        )
        switch handler(request) {
        case .now(let result): reply(to: iq, result)
        case .later(let body):
            perform { [self] in
                let result = await body()
                reply(to: iq, result)
            }
        case .answered(let work):
            perform { await work.finish() }
        }
    }

    /// Answers an IQ on a stream without a session.
    func reply(to iq: IQ, _ result: Result<Element?, StanzaError>) {
        guard !isEnded else { return }
        expectProgress()
        var answer: Stanza?
        switch result {
        case .success(let payload): answer = iq.result(payload).stanza
        case .failure(let error): answer = iq.stanza.error(error)
        }
        guard let answer else { return }
        transport.write { $0.append(answer) }
    }
}
