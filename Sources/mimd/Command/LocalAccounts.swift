// SPDX-License-Identifier: Apache-2.0
// The local store, as `mimd account` works on it: the server may have it open at the same time.

import Glibc
import Logging
import XMPPCore
import XMPPPersistenceSQLite

/// The accounts in the local store that a configuration names.
struct LocalAccounts {
    /// What a missing store means.
    enum MissingStore {
        /// A mistake: most likely the command runs in another directory than the server.
        case refused
        /// The first account comes before the first start.
        case made
    }

    /// The configuration.
    let configuration: ServerConfiguration
    /// Where the store lies, from the root.
    private let path: String
    private let isMissing: Bool

    /// Reads the configuration. Nothing is opened yet.
    ///
    /// - Throws: `SetUpError` when the configuration has errors, or the store is missing and must not be made.
    init(_ file: ConfigurationOption, whenMissing: MissingStore) throws {
        let loaded = TOMLConfigurationLoader.load(path: file.path)
        StandardErrorLogHandler.bootstrap(least: .warning)
        guard let server = loaded.server else {
            throw SetUpError(loaded.diagnostics.map(\.description).joined(separator: "\n"))
        }
        configuration = server
        path = Self.absolute(server.localStorePath)
        // Whatever else keeps it from being found is reported when it is opened.
        isMissing = access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)
        if isMissing, whenMissing == .refused { throw SetUpError(Self.missing(server.localStorePath, at: path)) }
    }

    /// Opens the store, does something, and closes it.
    func withStorage(_ body: (Storage) async throws -> Void) async throws {
        let logger = Logger(label: "mimd")
        let local = try await LocalStorage.open(.directory(path: configuration.dataDirectory), logger: logger)
        if isMissing { StandardError.write("made the store \(path)\n") }
        do {
            try await body(local.storage)
        } catch {
            await local.close()
            throw error
        }
        await local.close()
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
