// SPDX-License-Identifier: Apache-2.0
// Between the columns that an account store keeps and the credential that an authentication checks.

extension StoredCredential {
    /// Reads what an account store keeps. Keys go before a password; an empty text of keys counts as none.
    ///
    /// - Parameter wanted: the hash function whose keys are enough, if there are some; nil for all.
    /// - Throws: `StoredCredentialError` when the keys are not in a form that is known. The database causes it.
    public init(_ stored: AccountCredential, for wanted: HashFunction? = nil) throws(StoredCredentialError) {
        if let text = stored.passwordDetails, !text.isEmpty {
            self = .scram(try SCRAMCredential(text: text, for: wanted))
        } else {
            self = .plainPassword(stored.password)
        }
    }
}

extension AccountCredential {
    /// What an account store keeps of `credential`.
    public init(_ credential: StoredCredential) {
        switch credential {
        case .scram(let credential): self.init(passwordDetails: credential.text)
        case .plainPassword(let password): self.init(password: password)
        }
    }
}
