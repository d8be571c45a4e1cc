// SPDX-License-Identifier: Apache-2.0
// `mimd account export`: what is stored for an account, for its owner.

import ArgumentParser
import Glibc
import XMPPCore
import XMPPModules

extension AccountCommand {
    /// `mimd account export JID [--output FILE] [--without-credentials]`.
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write down all that is stored for an account, as XEP-0227 has it.",
            discussion: """
                The document has the password, or the keys made from it, unless told otherwise: whoever reads it can try \
                passwords, and log in to servers with the same keys.
                """
        )

        @OptionGroup var file: ConfigurationOption
        @Argument(help: "The account's address, such as juliet@localhost.") var jid: AccountJID
        @Option(name: .shortAndLong, help: "A file that is not there yet; without one, standard output.")
        var output: String?
        @Flag(help: "Leave the password and its keys out.") var withoutCredentials = false

        func run() async throws {
            let accounts = try ConfiguredAccounts(file, whenMissing: .refused)
            let host = try accounts.host(of: jid.jid)
            try await accounts.withStores { stores in
                let storage = stores.storage(of: host)
                var export = AccountExport(jid.jid, storage: storage)
                export.includesCredentials = !withoutCredentials
                // Of one that is not registered something may be left; a mistyped address must not look well.
                if try await !storage.accounts.contains(jid.jid), try await export.write(to: { _ in }).isEmpty {
                    throw SetUpError("there is no account \(jid.jid), and nothing of it")
                }
                let summary = try await write(export)
                StandardError.write("\(jid.jid): \(summary.sentence)\n")
                if summary.unreadableCount > 0 { throw ExitCode.failure }
            }
        }

        private func write(_ export: AccountExport) async throws -> AccountExport.Summary {
            guard let output else { return try await export.write { try Self.write($0, to: STDOUT_FILENO) } }
            // For its owner alone to read, and nothing that is there is overwritten.
            let descriptor = open(output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                throw SetUpError("\(output) cannot be made: \(String(cString: strerror(errno)))")
            }
            defer { close(descriptor) }
            do {
                let summary = try await export.write { try Self.write($0, to: descriptor) }
                guard fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS else {
                    throw SetUpError("\(output) cannot be written: \(String(cString: strerror(errno)))")
                }
                return summary
            } catch {
                unlink(output)
                throw error
            }
        }

        private static func write(_ text: String, to descriptor: Int32) throws(SetUpError) {
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    throw SetUpError("the document cannot be written: \(String(cString: strerror(errno)))")
                }
                rest = rest.dropFirst(count)
            }
        }
    }
}

extension AccountExport.Summary {
    /// What there was, for a terminal.
    var sentence: String {
        var parts = [
            isRegistered ? "registered" : "not registered", Self.count(rosterItemCount, "roster item"),
            Self.count(offlineMessageCount, "offline message"), Self.count(privateElementCount, "private element"),
            Self.count(privacyListCount, "privacy list"), hasVCard ? "a vCard" : "no vCard",
            hasLastActivity ? "last activity" : "no last activity",
            Self.count(roomCount, "room"), Self.count(roomBlockCount, "room block"),
            Self.count(archivedMessageCount, "archived message"),
        ]
        if unreadableCount > 0 { parts.append("\(unreadableCount) that cannot be read") }
        return parts.joined(separator: ", ")
    }

    private static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
