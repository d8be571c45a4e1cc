// SPDX-License-Identifier: Apache-2.0
// Software Version (XEP-0092 1.1) of the server.

import Glibc
public import XMPPCore

/// Tells name and version of the server.
public struct SoftwareVersion: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_version", implements: [.xep(92, "1.1")])

    /// The options of mod_version.
    public struct Options: ModuleOptions {
        /// Whether the operating system is told too. That may help an attacker (XEP-0092 section 5).
        public var showsOperatingSystem = false

        /// The defaults.
        public init() {}

        /// Reads the section `modules.mod_version`.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            try o.read("os_info", into: &showsOperatingSystem)
        }
    }

    private let options: Options

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.options = options
    }

    /// Answers those who ask the host for its version.
    public func register(in registrar: inout Registrar) {
        registrar.advertise(.softwareVersion, on: .host)
        registrar.iq(.get, "query", .softwareVersion, at: .host, version)
    }

    private func version(_ request: IQRequest) throws(StanzaError) -> Element? {
        Element("query", .softwareVersion) {
            Element("name", .softwareVersion) { "mimd" }
            Element("version", .softwareVersion) { mimdVersion }
            if options.showsOperatingSystem { Element("os", .softwareVersion) { Self.operatingSystem } }
        }
    }

    /// Name and release of the kernel: `Linux 6.1.0`.
    static var operatingSystem: String {
        var names = utsname()
        guard uname(&names) == 0 else { return "unknown" }
        let system = withUnsafeBytes(of: names.sysname) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let release = withUnsafeBytes(of: names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return "\(system) \(release)"
    }
}

extension Namespace {
    /// Software version (XEP-0092).
    static let softwareVersion: Namespace = "jabber:iq:version"
}
