// SPDX-License-Identifier: Apache-2.0
// Stream Management (XEP-0198): the options of what XMPPCore/Stream implements.

public import XMPPCore

/// Switches stream management on.
public struct StreamManagementSettings: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_stream_management", implements: [.xep(198, "1.6.3")])

    /// The options of mod_stream_management.
    public struct Options: ModuleOptions {
        /// Whether stanzas are kept until the client acknowledges them. Without that nothing is resumed.
        public var keepsStanzas = true
        /// Stanzas that are kept for one client.
        public var bufferedStanzaCountMax: Int? = 100
        /// Whether clients are asked for acknowledgements.
        public var asksForAcknowledgements = true
        /// After how many stanzas a client is asked.
        public var acknowledgementFrequency = 1
        /// How long a session waits for its client to come back.
        public var resumptionTimeout = Duration.seconds(600)

        /// Stanzas that are kept for one client when the operator wants no limit: a peer must not fill the memory.
        public static let bufferedStanzaCountCeiling = 100_000

        /// The defaults.
        public init() {}

        /// Reads the section `modules.mod_stream_management`.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            try o.read("buffer", into: &keepsStanzas)
            try o.read("buffer_max", into: &bufferedStanzaCountMax, in: 1...Self.bufferedStanzaCountCeiling)
            if bufferedStanzaCountMax == nil {
                bufferedStanzaCountMax = Self.bufferedStanzaCountCeiling
                o.warn("buffer_max", "at most \(Self.bufferedStanzaCountCeiling) stanzas are kept for one client")
            }
            try o.read("ack", into: &asksForAcknowledgements)
            try o.read("ack_freq", into: &acknowledgementFrequency, in: 1...10_000)
            try o.read("resume_timeout", into: &resumptionTimeout, unit: .seconds, in: 1...2_592_000)
            o.ignore("stale_h")
        }

        /// The options as the streams want them.
        var settings: StreamManagementOptions {
            StreamManagementOptions(
                bufferedStanzaCountMax: keepsStanzas ? bufferedStanzaCountMax : nil,
                acknowledgementFrequency: asksForAcknowledgements ? acknowledgementFrequency : nil,
                resumptionTimeout: resumptionTimeout
            )
        }
    }

    private let options: Options

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.options = options
    }

    /// Gives the options to the streams of the host.
    public func register(in registrar: inout Registrar) {
        registrar.provide(options.settings, as: StreamManagementOptions.self)
    }
}
