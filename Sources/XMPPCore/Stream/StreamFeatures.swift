// SPDX-License-Identifier: Apache-2.0
// `<stream:features/>` (RFC 6120 section 4.3.2): what a client may do next.

import Synchronization

/// Makes the features of each step of a client's stream.
struct StreamFeatures {
    let host: Host
    let settings: ClientStreamSettings

    /// The steps of a stream, with what else decides what is offered at each.
    enum Step: Hashable {
        /// Before TLS that the client must start first (RFC 6120 section 5.3.1).
        case tlsRequired
        /// Before authentication.
        case unauthenticated(SASLOffer, offersTLS: Bool, offersSASL2: Bool)
        /// After authentication, before a resource is bound.
        case authenticated
        /// After SASL2 bound a resource or resumed a session: nothing of that is left to do.
        case bound
    }

    /// The features of a step, as XML.
    func text(of step: Step) -> [UInt8] {
        let features =
            switch step {
            case .tlsRequired: tlsRequired()
            case .unauthenticated(let offer, let offersTLS, let offersSASL2):
                unauthenticated(offer, offersTLS: offersTLS, offersSASL2: offersSASL2)
            case .authenticated: authenticated()
            case .bound: bound()
            }
        var buffer = ByteBuffer()
        buffer.append("<stream:features>")
        for feature in features { buffer.append(feature, inside: .client) }
        buffer.append("</stream:features>")
        return buffer.bytes
    }

    private func tlsRequired() -> [Element] {
        [Element("starttls", .tls) { Element("required", .tls) }]
    }

    private func unauthenticated(_ offer: SASLOffer, offersTLS: Bool, offersSASL2: Bool) -> [Element] {
        var features: [Element] = []
        if offersTLS { features.append(Element("starttls", .tls)) }
        features.append(
            Element("mechanisms", .sasl) {
                for mechanism in offer.mechanisms { Element("mechanism", .sasl) { mechanism.name } }
            }
        )
        if offersSASL2 { features.append(authentication(offer)) }
        if !offer.channelBindingTypes.isEmpty {
            // XEP-0440 section 3
            features.append(
                Element("sasl-channel-binding", .saslChannelBinding) {
                    for type in offer.channelBindingTypes {
                        Element("channel-binding", .saslChannelBinding, ["type": type.rawValue])
                    }
                }
            )
        }
        return features + host.streamFeatures(.unauthenticated) + [limits(settings.strangerLimits)]
    }

    private func authenticated() -> [Element] {
        var features = [
            Element("bind", .bind),
            Element("session", .session) { Element("optional", .session) },
        ]
        if host.service(StreamManagementOptions.self) != nil { features.append(Element("sm", .streamManagement)) }
        return features + host.streamFeatures(.authenticated) + [limits(settings.limits)]
    }

    private func bound() -> [Element] { host.streamFeatures(.authenticated) + [limits(settings.limits)] }

    /// XEP-0388 section 2.1, XEP-0386 section 2.
    private func authentication(_ offer: SASLOffer) -> Element {
        let managesStreams = host.service(StreamManagementOptions.self) != nil
        let binds = host.service(Bind2Options.self) != nil
        return Element("authentication", .sasl2) {
            for mechanism in offer.mechanisms { Element("mechanism", .sasl2) { mechanism.name } }
            if managesStreams || binds {
                Element("inline", .sasl2) {
                    if binds { bind2(managesStreams: managesStreams) }
                    if managesStreams { Element("sm", .streamManagement) }
                }
            }
        }
    }

    private func bind2(managesStreams: Bool) -> Element {
        let namespaces = host.bindFeatures.map(\.namespace) + (managesStreams ? [.streamManagement] : [])
        return Element("bind", .bind2) {
            if !namespaces.isEmpty {
                Element("inline", .bind2) {
                    for namespace in namespaces { Element("feature", .bind2, ["var": namespace.uri]) }
                }
            }
        }
    }

    /// XEP-0478 section 2. Nobody is disconnected for being idle, so there is no limit to advertise for that.
    private func limits(_ limits: XMLLimits) -> Element {
        Element("limits", .streamLimits) {
            Element("max-bytes", .streamLimits) { String(limits.stanzaByteCountMax) }
        }
    }
}

/// The features that were sent before: what modules and configuration offer does not change while a server runs. There
/// are as many as the configuration makes possible. May be used from any thread.
final class StreamFeatureCache: Sendable {
    private struct Key: Hashable {
        let domain: String
        let stanzaByteCountMax: Int
        let strangerStanzaByteCountMax: Int
        let step: StreamFeatures.Step
    }
    private let texts = Mutex<[Key: [UInt8]]>([:])

    /// `<stream:features/>` of a step, as XML.
    func text(of step: StreamFeatures.Step, host: Host, settings: ClientStreamSettings) -> [UInt8] {
        let key = Key(
            domain: host.configuration.domain,
            stanzaByteCountMax: settings.limits.stanzaByteCountMax,
            strangerStanzaByteCountMax: settings.strangerLimits.stanzaByteCountMax,
            step: step
        )
        return texts.withLock { texts in
            if let text = texts[key] { return text }
            let text = StreamFeatures(host: host, settings: settings).text(of: step)
            texts[key] = text
            return text
        }
    }
}
