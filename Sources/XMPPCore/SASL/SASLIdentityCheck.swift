// SPDX-License-Identifier: Apache-2.0
// From the names that a client sent to the account that it means: RFC 6120 section 6.3.7 and section 6.3.8.

extension SASLSettings {
    /// The localpart of the account that the client means.
    ///
    /// - Parameters:
    ///   - username: the authentication identity, unescaped UTF-8, not empty.
    ///   - authzid: the authorization identity; empty for none.
    /// - Throws: `.notAuthorized` for a name that no account can have, `.invalidAuthzid` for another's bare JID or
    ///   none. Neither depends on which accounts exist.
    func localpart(username: [UInt8], authzid: [UInt8]) throws(SASLFailure) -> String {
        // RFC 4616 section 2 and RFC 5802 section 5.1: a name that cannot be prepared fails as a wrong one does.
        guard username.count <= limits.usernameByteCountMax,
            let prepared = SASLprep.prepare(username), !prepared.isEmpty,
            let localpart = prepareLocalpart(String(decoding: prepared, as: UTF8.self))
        else { throw .notAuthorized }
        guard authzid.isEmpty || isBareJID(authzid, of: localpart) else { throw .invalidAuthzid }
        return localpart
    }

    /// RFC 6120 section 6.3.8: the authorization identity is a bare JID; only the account's own is allowed here.
    private func isBareJID(_ authzid: [UInt8], of localpart: String) -> Bool {
        guard let text = String(validating: authzid, as: UTF8.self) else { return false }
        // Whatever is wrong with the address, it is not the account's.
        guard let address = try? BareJID(text) else { return false }
        return address.localpart == localpart && address.domainpart == domain
    }
}
