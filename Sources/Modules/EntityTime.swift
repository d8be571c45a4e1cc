// SPDX-License-Identifier: Apache-2.0
// Entity Time (XEP-0202 2.0) of the server.

import Glibc
public import XMPPCore

/// Tells the server's time and time zone.
public struct EntityTime: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_time", implements: [.xep(202, "2.0")])
    /// There is nothing to configure.
    public typealias Options = NoOptions

    private let host: Host

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.host = host
    }

    /// Answers those who ask the host for its time.
    public func register(in registrar: inout Registrar) {
        registrar.advertise(.entityTime, on: .host)
        registrar.iq(.get, "time", .entityTime, at: .host, time)
    }

    private func time(_ request: IQRequest) throws(StanzaError) -> Element? {
        let now = host.time.wallTime
        return Element("time", .entityTime) {
            Element("tzo", .entityTime) { Self.zoneOffset(seconds: Self.localOffsetSeconds(at: now)) }
            Element("utc", .entityTime) { now.dateTime }
        }
    }

    /// How far the machine's time zone is ahead of UTC at a time.
    private static func localOffsetSeconds(at time: Timestamp) -> Int {
        var seconds = time_t(time.seconds)
        var local = tm()
        return localtime_r(&seconds, &local) == nil ? 0 : local.tm_gmtoff
    }

    /// The TZD of XEP-0082 section 2: `+01:00`, or `Z` for UTC.
    static func zoneOffset(seconds: Int) -> String {
        let minutes = abs(seconds) / 60
        if minutes == 0 { return "Z" }
        let digits = [minutes / 60, minutes % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
        return "\(seconds < 0 ? "-" : "+")\(digits[0]):\(digits[1])"
    }
}

extension Namespace {
    /// Entity time (XEP-0202).
    static let entityTime: Namespace = "urn:xmpp:time"
}
