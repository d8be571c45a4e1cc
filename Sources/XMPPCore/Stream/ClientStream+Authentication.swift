// SPDX-License-Identifier: Apache-2.0
// SASL on the stream: the profiles of RFC 6120 section 6 and of XEP-0388.

import Logging

extension ClientStream {
    /// How SASL is spoken.
    enum SASLProfile {
        case rfc6120
        /// With the `<authenticate/>` that the client sent, for what it asks besides.
        case sasl2(Element)

        var namespace: Namespace { if case .rfc6120 = self { .sasl } else { .sasl2 } }
    }

    /// A SASL exchange that runs. A reference, for the client's messages and a store's answers meet in it.
    ///
    /// `@unchecked Sendable`: confined to the stream's loop.
    final class Authentication: @unchecked Sendable {
        var exchange: SASLExchange
        /// Whom the client claims to be, for the log; nil until it said.
        var localpart: String?
        let profile: SASLProfile
        let authenticator: Authenticator
        let host: Host

        init(exchange: SASLExchange, profile: SASLProfile, authenticator: Authenticator, host: Host) {
            self.exchange = exchange
            self.profile = profile
            self.authenticator = authenticator
            self.host = host
        }
    }

    func authenticate(_ element: Element, _ host: Host, _ profile: SASLProfile) {
        guard let authenticator = services.authenticators[host.configuration.domain] else {
            return fail(StreamError(.internalServerError))
        }
        let offer = offer(of: host)
        do throws(SASLFailure) {
            let mechanism = try offer.mechanism(named: element["mechanism"] ?? "")
            let message: [UInt8]?
            switch profile {
            case .rfc6120:
                message = try SASLPayload.decode(element.text.utf8, emptyElement: .meansNoMessage)
            case .sasl2:
                let initial = element.child("initial-response")
                message = try initial.flatMap { child throws(SASLFailure) in
                    try SASLPayload.decode(child.text.trimmingXMLSpace().utf8, emptyElement: .meansEmptyMessage)
                }
            }
            let exchange = SASLExchange(
                mechanism: mechanism,
                offer: offer,
                channelBindings: mechanism.usesChannelBinding ? transport.channelBindings : ChannelBindings(),
                settings: authenticator.settings
            )
            let authentication = Authentication(
                exchange: exchange,
                profile: profile,
                authenticator: authenticator,
                host: host
            )
            phase = .authenticating(authentication)
            advance(authentication, authentication.exchange.receive(message))
        } catch {
            refuse(error, profile)
        }
    }

    func handleAuthenticating(_ element: Element, _ authentication: Authentication) {
        let namespace = authentication.profile.namespace
        if element.isNamed("response", namespace) {
            do throws(SASLFailure) {
                let text = element.text.trimmingXMLSpace()
                let message = try SASLPayload.decode(text.utf8, emptyElement: .meansEmptyMessage)
                advance(authentication, authentication.exchange.receive(message))
            } catch {
                advance(authentication, authentication.exchange.end(with: error))
            }
        } else if element.isNamed("abort", namespace) {
            advance(authentication, authentication.exchange.end(with: .aborted))
        } else {
            fail(StreamError(.notAuthorized))
        }
    }

    /// Does what the exchange says next.
    private func advance(_ authentication: Authentication, _ action: SASLExchange.Action) {
        switch action {
        case .challenge(let bytes):
            expectProgress()
            send(Element("challenge", authentication.profile.namespace) { Base64.encodeToString(bytes) })
        case .lookUp(let localpart):
            authentication.localpart = localpart
            perform { [self] in
                let next: SASLExchange.Action
                do {
                    let mechanism = authentication.exchange.mechanism
                    let credential = try await authentication.authenticator.credential(of: localpart, for: mechanism)
                    next = authentication.exchange.credentialLoaded(credential)
                } catch {
                    log(.error, "the account store failed", ["error": "\(error)"])
                    next = authentication.exchange.end(with: .temporaryAuthFailure)
                }
                await advanceInPlace(authentication, next)
            }
        case .derive, .succeed, .fail:
            perform { [self] in await advanceInPlace(authentication, action) }
        }
    }

    /// The same from within `perform`, where nothing else of the client's is handled.
    private func advanceInPlace(_ authentication: Authentication, _ action: SASLExchange.Action) async {
        guard !isEnded else { return }
        switch action {
        case .challenge:
            advance(authentication, action)
        case .lookUp:
            preconditionFailure("an exchange looks up once")
        case .derive(let derivation):
            let next: SASLExchange.Action
            do {
                next = authentication.exchange.derived(try await authentication.authenticator.derive(derivation))
            } catch {
                next = authentication.exchange.end(with: .temporaryAuthFailure)
            }
            await advanceInPlace(authentication, next)
        case .succeed(let identity, let additionalData):
            await accept(identity, additionalData, authentication)
        case .fail(let failure):
            refuse(failure, authentication.profile)
        }
    }

    private func refuse(_ failure: SASLFailure, _ profile: SASLProfile) {
        failedAttemptCount += 1
        var claimed = ""
        if case .authenticating(let authentication) = phase { claimed = authentication.localpart ?? "" }
        phase = .unauthenticated
        let condition = failure.condition.rawValue
        log(.info, "authentication failed", ["sasl.failure": "\(condition)", "sasl.localpart": "\(claimed)"])
        // XEP-0388 section 2.6.1 keeps the conditions in RFC 6120's namespace.
        send(
            Element("failure", profile.namespace) {
                Element(condition, .sasl)
                if let text = failure.text { Element("text", profile.namespace) { text } }
            }
        )
        if failedAttemptCount >= settings.authenticationAttemptCountMax {
            return fail(StreamError(.policyViolation, text: "too many failed authentications"))
        }
        expectProgress()
    }

    private func accept(
        _ identity: SASLIdentity,
        _ additionalData: [UInt8]?,
        _ authentication: Authentication
    ) async {
        let localpart =
            switch identity {
            case .account(let localpart): localpart
            // XEP-0175 section 2: a temporary account that nobody else has
            case .anonymous: RandomToken.make()
            }
        // SASL prepared the localpart, and a token is one; if not, nobody is who he says.
        guard let account = try? BareJID(localpart: localpart, domainpart: authentication.host.configuration.domain)
        else { return refuse(.notAuthorized, authentication.profile) }
        phase = .authenticated(account)
        log(.info, "authenticated", ["sasl.mechanism": "\(authentication.exchange.mechanism.name)"])
        liftLimits()
        switch authentication.profile {
        case .rfc6120:
            send(Element("success", .sasl) { additionalData.map { Base64.encodeToString($0) } ?? "" })
            restart()
            expectProgress()
        case .sasl2(let request):
            await acceptSASL2(request, account, additionalData)
        }
    }
}
