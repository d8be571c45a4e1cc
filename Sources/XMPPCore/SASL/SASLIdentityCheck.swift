// SPDX-License-Identifier: Apache-2.0
// From the names that a client sent to the account that it means: RFC 6120 section 6.3.7 and section 6.3.8.

import CIDN

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
        guard let at = authzid.firstIndex(of: UInt8(ascii: "@")),
            let local = String(validating: authzid[..<at], as: UTF8.self), !local.isEmpty,
            local.utf8.count <= limits.usernameByteCountMax, prepareLocalpart(local) == localpart
        else { return false }
        return isDomain(Array(authzid[(at + 1)...]))
    }

    private func isDomain(_ name: [UInt8]) -> Bool {
        guard name.count <= limits.usernameByteCountMax, !name.contains(0),
            String(validating: name, as: UTF8.self) != nil
        else { return false }
        // Room for what nameprep adds: a longer result is not the domain anyhow.
        let capacity = domain.utf8.count + name.count * 4 + 1
        var buffer = name + [UInt8](repeating: 0, count: capacity - name.count)
        let code = buffer.withUnsafeMutableBytes { buffer in
            // The buffer is not empty, so that it has an address; libidn writes at most `count` bytes with the NUL.
            mimd_nameprep(buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        guard code == 0, let end = buffer.firstIndex(of: 0) else { return false }
        return buffer[..<end].elementsEqual(domain.utf8)
    }
}
