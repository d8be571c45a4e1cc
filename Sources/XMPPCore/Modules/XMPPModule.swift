// SPDX-License-Identifier: Apache-2.0
// The contract that a feature is written against.

/// A feature of a host: what it advertises, handles, stores and can be configured with.
///
/// One value is made for each host that the module is configured for. `register` is the whole wiring; the server undoes
/// it when it stops. Handlers run on event loops, several at once: a module keeps no mutable state but in a `Mutex`, in
/// sessions (``Session/subscript(_:)``) or in stores.
public protocol XMPPModule: Sendable {
    /// What can be configured; ``NoOptions`` for nothing.
    associatedtype Options: ModuleOptions

    /// The module's name in the configuration, and what it implements.
    static var manifest: ModuleManifest { get }

    /// Makes the module for one host, once its options were read.
    ///
    /// - Throws: ``ModuleError`` when the module cannot run with these options on this host.
    init(options: Options, host: Host) throws(ModuleError)

    /// Says what the module handles.
    func register(in registrar: inout Registrar)
}

/// Why a module cannot run. It keeps the server from starting.
public struct ModuleError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The reason, for the operator.
    public let description: String
    /// Makes an error with a reason for the operator.
    public init(_ description: String) { self.description = description }
}

/// The options of a module that has none.
public struct NoOptions: ModuleOptions {
    /// There are none to set.
    public init() {}
    /// Reads no key.
    public mutating func read(_ o: inout OptionReader) throws(OptionError) {}
}
