// SPDX-License-Identifier: Apache-2.0
// Extensible SASL Profile (XEP-0388), which XMPPCore/Stream implements.

public import XMPPCore

/// Switches SASL2 on.
public struct ExtensibleSASL: XMPPModule {
    public static let manifest = ModuleManifest("mod_sasl2", implements: [.xep(388, "1.0.4")])
    public typealias Options = NoOptions

    public init(options: Options, host: Host) throws(ModuleError) {}

    public func register(in registrar: inout Registrar) {
        registrar.provide(SASL2Options(), as: SASL2Options.self)
    }
}
