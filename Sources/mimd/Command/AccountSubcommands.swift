// SPDX-License-Identifier: Apache-2.0
// What `mimd account` does. It works on the local store itself, which the server may have open at the same time.

import ArgumentParser
import XMPPCore
import XMPPModules

extension AccountCommand {
    /// `mimd account add JID`.
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add an account.")

        @OptionGroup var file: ConfigurationOption
        @Argument(help: "The account's address, such as juliet@localhost.") var jid: AccountJID
        @OptionGroup var password: PasswordOptions

        func run() async throws {
            let accounts = try ConfiguredAccounts(file, whenMissing: .made)
            let host = try accounts.host(of: jid.jid)
            let credential = try host.authentication.makeCredential(password: try password.read())
            try await accounts.withStores { stores in
                let storage = stores.storage(of: host)
                do throws(StorageError) {
                    let countMax = host.authentication.accountCountMax
                    try await storage.accounts.create(jid.jid, credential: credential, accountCountMax: countMax)
                } catch .conflict {
                    throw SetUpError("\(jid.jid) exists already")
                }
            }
            print("\(jid.jid) added")
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
            let accounts = try ConfiguredAccounts(file, whenMissing: .refused)
            let host = try accounts.host(of: jid.jid)
            let credential = try host.authentication.makeCredential(password: try password.read())
            try await accounts.withStores { stores in
                let storage = stores.storage(of: host)
                guard try await storage.accounts.setCredential(credential, of: jid.jid) else {
                    throw SetUpError("there is no account \(jid.jid)")
                }
            }
            print("\(jid.jid) has a new password")
        }
    }

    /// `mimd account remove JID`.
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an account and all of its data.",
            discussion: """
                A client that is connected stays so until it disconnects. Contacts keep the account in their rosters, \
                without a subscription; those who are connected see that once all their clients have disconnected.
                """
        )

        @OptionGroup var file: ConfigurationOption
        @Argument(help: "The account's address, such as juliet@localhost.") var jid: AccountJID

        func run() async throws {
            let accounts = try ConfiguredAccounts(file, whenMissing: .refused)
            let host = try accounts.host(of: jid.jid)
            try await accounts.withStores { stores in
                let storage = stores.storage(of: host)
                // Of an account that is not registered, by its own hand for example, something may be left.
                let summary = try await AccountExport(jid.jid, storage: storage).write { _ in }
                guard !summary.isEmpty else { throw SetUpError("there is no account \(jid.jid)") }
                try await AccountRemoval.remove(jid.jid, from: stores.byHost)
                print("\(jid.jid) removed: \(summary.sentence)")
            }
        }
    }

    /// `mimd account list [DOMAIN]`.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the accounts of a domain.")

        @OptionGroup var file: ConfigurationOption
        @Argument(help: "The domain; without one, all domains of the configuration.") var domain: String?

        func run() async throws {
            let accounts = try ConfiguredAccounts(file, whenMissing: .refused)
            let host = try domain.map { try accounts.host($0) }
            try await accounts.withStores { stores in
                for storage in host.map({ [stores.storage(of: $0)] }) ?? stores.all {
                    var cursor: PageCursor?
                    repeat {
                        let page = try await storage.accounts.accounts(in: host?.domain, after: cursor, limit: 500)
                        for account in page.items { print(account.address) }
                        cursor = page.next
                    } while cursor != nil
                }
            }
        }
    }
}
