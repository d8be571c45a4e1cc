// SPDX-License-Identifier: Apache-2.0
// The stores of a configuration, as `mimd account` works on them: the server may have them open at the same time.

import Glibc
import Logging
import XMPPCore

/// The accounts in the stores that a configuration names.
struct ConfiguredAccounts {
    /// What a missing local store means.
    enum MissingStore {
        /// A mistake: most likely the command runs in another directory than the server.
        case refused
        /// The first account comes before the first start.
        case made
    }

    /// The configuration.
    let configuration: ServerConfiguration
    private let pools: [String: RelationalPool]
    private let file: String
    /// Where the local store lies, from the root.
    private let path: String
    private let isMissing: Bool

    /// Reads the configuration. Nothing is opened yet.
    ///
    /// - Throws: `SetUpError` when the configuration has errors, or the local store is missing and must not be made.
    init(_ file: ConfigurationOption, whenMissing: MissingStore) throws {
        let loaded = TOMLConfigurationLoader.load(path: file.path)
        StandardErrorLogHandler.bootstrap(least: .warning)
        guard let server = loaded.server else {
            throw SetUpError(loaded.diagnostics.map(\.description).joined(separator: "\n"))
        }
        configuration = server
        pools = loaded.pools
        self.file = file.path
        path = Self.absolute(server.localStorePath)
        // Whatever else keeps it from being found is reported when it is opened.
        isMissing = server.usesLocalStore && access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)
        if isMissing, whenMissing == .refused { throw SetUpError(Self.missing(server.localStorePath, at: path)) }
    }

    /// Opens the stores, does something, and closes them.
    func withStores(_ body: (ConfiguredStores) async throws -> Void) async throws {
        let logger = Logger(label: "mimd")
        let stores = try await ConfiguredStores.open(
            configuration, pools, file: file, logger: logger, whenUnreachable: .refused)
        if isMissing { StandardError.write("made the store \(path)\n") }
        do {
            try await body(stores)
        } catch {
            await stores.close()
            throw error
        }
        await stores.close()
    }

    /// The host that an account belongs to.
    func host(of account: BareJID) throws -> HostConfiguration { try host(account.domainpart) }

    /// The host of a domain, in whatever case it is written.
    func host(_ domain: String) throws -> HostConfiguration {
        guard let host = configuration.host(preparedDomain(domain) ?? domain) else {
            throw SetUpError("\(domain) is not one of the configured hosts")
        }
        return host
    }

    /// What to say of a store that is not there.
    static func missing(_ configured: String, at path: String) -> String {
        let hint = configured.hasPrefix("/") ? "" : " (data_directory is relative to the working directory)"
        return "there is no store \(path)\(hint)"
    }

    /// `path` from the root; as it is when there is no working directory any more.
    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
        defer { free(directory) }
        let prefix = String(cString: directory)
        return prefix.hasSuffix("/") ? prefix + path : "\(prefix)/\(path)"
    }
}
