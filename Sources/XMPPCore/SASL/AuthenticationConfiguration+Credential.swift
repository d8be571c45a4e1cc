// SPDX-License-Identifier: Apache-2.0
// New passwords, in the form that a host stores.

extension AuthenticationConfiguration {
    /// Makes what is stored for a new password.
    ///
    /// This costs one PBKDF2 for each configured hash function, tens of milliseconds: run it on a ``WorkerPool``.
    /// - Throws: ``StoredCredentialError``; `.passwordNotAllowed` when the password is empty, too long, or has
    ///   characters that SASLprep forbids.
    public func makeCredential(password: String) throws(StoredCredentialError) -> AccountCredential {
        switch passwordFormat {
        case .plain:
            // What no log-in could ever match is not stored either.
            guard StoredCredential.prepare(password: Array(password.utf8)) != nil else { throw .passwordNotAllowed }
            return AccountCredential(password: password)
        case .scram:
            let credential = try StoredCredential.derive(
                password: password,
                hashes: Set(passwordHashes),
                iterationCount: scramIterationCount
            )
            return AccountCredential(credential)
        }
    }
}
