// SPDX-License-Identifier: Apache-2.0
// Entity Capabilities (XEP-0115 1.6.0): those of the server, as a stream feature. Not here: the capabilities of
// clients, which nothing on this server needs yet.

import Synchronization
public import XMPPCore

/// Tells clients, as they log in, which version of the server's disco#info they may have seen before.
public struct EntityCapabilities: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_caps", implements: [.xep(115, "1.6.0")])

    /// The options of mod_caps.
    public struct Options: ModuleOptions {
        /// The defaults.
        public init() {}

        /// Reads the section `modules.mod_caps`.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            o.ignore("iq_response_timeout", because: "has no effect: clients are not asked for their capabilities")
            o.ignore("versions", unless: ["v1"], because: "has no effect: only XEP-0115 (v1) is supported")
        }
    }

    /// The element, made for the first stream and kept: what modules advertise does not change while the host runs.
    private final class Cache: Sendable {
        let element = Mutex<Element?>(nil)
    }

    private let host: Host
    private let cache = Cache()

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.host = host
    }

    /// Advertises the capabilities in disco#info and as a stream feature.
    public func register(in registrar: inout Registrar) {
        registrar.advertise(.capabilities, on: .host)
        registrar.streamFeature(StreamFeature(.authenticated, capabilities))
    }

    /// XEP-0115 section 6.3.
    private func capabilities() -> Element? {
        cache.element.withLock { element in
            if let element { return element }
            let version = host.discoInfo(of: .host).verificationString
            let made = Element(
                "c",
                .capabilities,
                ["hash": "sha-1", "node": DiscoInfo.softwareNode, "ver": version]
            )
            element = made
            return made
        }
    }
}

extension Namespace {
    /// Entity capabilities (XEP-0115).
    static let capabilities: Namespace = "http://jabber.org/protocol/caps"
}
