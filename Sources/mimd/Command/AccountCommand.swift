// SPDX-License-Identifier: Apache-2.0
// `mimd account`: the accounts of the local store, while the server runs and while it does not.

import ArgumentParser
import XMPPCore

/// `mimd account add|passwd|remove|list|export`.
struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account",
        abstract: "Manage accounts.",
        subcommands: [Add.self, ChangePassword.self, Remove.self, List.self, Export.self])

    /// Where a new password comes from.
    struct PasswordOptions: ParsableArguments {
        @Option(help: "The password. Other users of this machine can see it while the command runs.")
        var password: String?
        @Flag(help: "Read the password from standard input, up to the end of the first line; ask for it at a terminal.")
        var passwordStdin = false

        func validate() throws {
            if (password != nil) == passwordStdin {
                throw ValidationError("Give the password with either --password or --password-stdin.")
            }
            if password?.isEmpty == true { throw ValidationError("The password is empty.") }
        }

        /// The password.
        /// - Throws: `SetUpError` when standard input has none.
        func read() throws(SetUpError) -> String {
            if let password { return password }
            return try PasswordPrompt.read()
        }
    }

    /// A bare JID with a localpart, as an argument.
    struct AccountJID: ExpressibleByArgument {
        /// The address, prepared.
        let jid: BareJID

        init?(argument: String) {
            // That it is none is all that an operator needs to know of a mistyped address.
            guard let jid = try? BareJID(argument), jid.localpart != nil else { return nil }
            self.jid = jid
        }
    }
}
