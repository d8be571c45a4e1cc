// SPDX-License-Identifier: Apache-2.0
// Extensible SASL Profile (XEP-0388), which XMPPCore/Stream implements.

public import XMPPCore

/// Switches SASL2 on.
public struct ExtensibleSASL: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_sasl2", implements: [.xep(388, "1.0.4")])
    /// There is nothing to configure.
    public typealias Options = NoOptions

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {}

    /// Switches SASL2 on.
    public func register(in registrar: inout Registrar) {
        registrar.provide(SASL2Options(), as: SASL2Options.self)
    }
}
