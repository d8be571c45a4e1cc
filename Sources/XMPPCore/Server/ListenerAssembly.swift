// SPDX-License-Identifier: Apache-2.0
// From the configuration of listeners to listening sockets.

import Logging

/// Makes the listeners of a server.
struct ListenerAssembly {
    let configuration: ServerConfiguration
    let services: ClientStreamServices
    let logger: Logger

    func makeListeners() throws -> (listeners: [Listener], tls: [TLSContextSource]) {
        var listeners: [Listener] = []
        var sources: [TLSContextSource] = []
        for settings in configuration.listeners {
            var source: TLSContextSource?
            if settings.tls.mode != .none {
                let made = try TLSContextSource(settings.tls)
                sources.append(made)
                source = made
            }
            listeners.append(try makeListener(settings, source))
        }
        return (listeners, sources)
    }

    private func makeListener(_ settings: ListenerConfiguration, _ tls: TLSContextSource?) throws -> Listener {
        var limits = TransportLimits()
        if let name = settings.shaper, name != "none" {
            guard let shaper = configuration.shapers[name] else { throw ServerError.shaperUnknown(name) }
            limits.inboundRateMax = shaper.ratePerSecond
        }
        let security: Connection.InitialSecurity = settings.tls.mode == .tls ? .tls : .plain
        let streamSettings = streamSettings(settings)
        return try Listener(settings, tls: tls, limits: limits, logger: logger) { [services, logger] connection in
            let stream = ClientStream(
                transport: connection,
                settings: streamSettings,
                services: services,
                logger: logger
            )
            stream.start()
            do throws(SystemError) {
                try connection.open(security)
            } catch {
                logger.error("cannot serve a connection", metadata: ["error": "\(error)"])
                stream.finish()
            }
        }
    }

    private func streamSettings(_ settings: ListenerConfiguration) -> ClientStreamSettings {
        var stream = ClientStreamSettings()
        stream.tlsMode = settings.tls.mode
        if let byteCountMax = settings.stanzaByteCountMax { stream.limits.stanzaByteCountMax = byteCountMax }
        stream.stateTimeout = settings.stateTimeout
        stream.accessRule = settings.accessRule
        stream.language = configuration.language
        stream.unservedStreams = configuration.unservedStreams
        stream.allowedMethods = settings.allowedMethods
        return stream
    }
}
