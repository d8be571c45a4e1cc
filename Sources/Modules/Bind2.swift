// SPDX-License-Identifier: Apache-2.0
// Bind 2 (XEP-0386), which XMPPCore/Stream implements.

public import XMPPCore

/// Switches Bind 2 on.
public struct Bind2: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_bind2", implements: [.xep(386, "1.1.0")])
    /// There is nothing to configure.
    public typealias Options = NoOptions

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {}

    /// Switches Bind 2 on, and SASL2 with it.
    public func register(in registrar: inout Registrar) {
        // There is no Bind 2 outside SASL2 (XEP-0386 section 2), and MongooseIM switches both on by this one name.
        registrar.provide(SASL2Options(), as: SASL2Options.self)
        registrar.provide(Bind2Options(), as: Bind2Options.self)
    }
}
