// SPDX-License-Identifier: Apache-2.0
// What `mimd account` does. It works on the local store itself, which the server may have open at the same time.

import ArgumentParser
import Logging
import XMPPCore
import XMPPPersistenceSQLite

extension AccountCommand {
    /// Opens the store that the configuration names, does something, and closes it.
    ///
    /// Mistakes of the operator end as one line on standard error and exit code 1.
    static func withStorage(
        _ file: ConfigurationOption,
        _ body: (Storage, ServerConfiguration) async throws -> Void
    ) async throws {
        let loaded = TOMLConfigurationLoader.load(path: file.path)
        StandardErrorLogHandler.bootstrap(least: .warning)
        guard let configuration = loaded.server else {
            throw SetUpError(loaded.diagnostics.map(\.description).joined(separator: "\n"))
        }
        let logger = Logger(label: "mimd")
        let local = try await LocalStorage.open(.directory(path: configuration.dataDirectory), logger: logger)
        do {
            try await body(local.storage, configuration)
        } catch {
            await local.close()
            throw error
        }
        await local.close()
    }

    /// The host that an account belongs to.
    static func host(of account: BareJID, in configuration: ServerConfiguration) throws -> HostConfiguration {
        guard let host = configuration.host(account.domainpart) else {
            throw SetUpError("\(account.domainpart) is not one of the configured hosts")
        }
        return host
    }

    /// `mimd account add JID`.
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add an account.")

        @OptionGroup var file: ConfigurationOption
        @Argument(help: "The account's address, such as juliet@localhost.") var jid: AccountJID
        @OptionGroup var password: PasswordOptions

        func run() async throws {
            let text = try password.read()
            try await AccountCommand.withStorage(file) { storage, configuration in
                let host = try AccountCommand.host(of: jid.jid, in: configuration)
                let credential = try host.authentication.makeCredential(password: text)
                do throws(StorageError) {
                    let countMax = host.authentication.accountCountMax
                    try await storage.accounts.create(jid.jid, credential: credential, accountCountMax: countMax)
                } catch .conflict {
                    throw SetUpError("\(jid.jid) exists already")
                }
            }
        }
    }

    /// `mimd account passwd JID`.
    struct ChangePassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "passwd", abstract: "Change the password of an account.")

        @OptionGroup var file: ConfigurationOption
        @Argument(help: "The account's address, such as juliet@localhost.") var jid: AccountJID
        @OptionGroup var password: PasswordOptions

        func run() async throws {
            let text = try password.read()
            try await AccountCommand.withStorage(file) { storage, configuration in
                let host = try AccountCommand.host(of: jid.jid, in: configuration)
                let credential = try host.authentication.makeCredential(password: text)
                guard try await storage.accounts.setCredential(credential, of: jid.jid) else {
                    throw SetUpError("there is no account \(jid.jid)")
                }
            }
        }
    }

    /// `mimd account remove JID`.
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an account and all of its data.",
            discussion: "A client that is connected stays so until it disconnects."
        )

        @OptionGroup var file: ConfigurationOption
        @Argument(help: "The account's address, such as juliet@localhost.") var jid: AccountJID

        func run() async throws {
            try await AccountCommand.withStorage(file) { storage, _ in
                guard try await storage.accounts.contains(jid.jid) else {
                    throw SetUpError("there is no account \(jid.jid)")
                }
                try await storage.removeAll(for: jid.jid)
            }
        }
    }

    /// `mimd account list [DOMAIN]`.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the accounts of a domain.")

        @OptionGroup var file: ConfigurationOption
        @Argument(help: "The domain; without one, all domains of the configuration.") var domain: String?

        func run() async throws {
            try await AccountCommand.withStorage(file) { storage, _ in
                var cursor: PageCursor?
                repeat {
                    let page = try await storage.accounts.accounts(in: domain, after: cursor, limit: 500)
                    for account in page.items { print(account.address) }
                    cursor = page.next
                } while cursor != nil
            }
        }
    }
}
