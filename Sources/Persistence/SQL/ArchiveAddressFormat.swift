// SPDX-License-Identifier: Apache-2.0
// How the addresses of an archive's messages are written: MongooseIM's option `db_jid_format`.

import XMPPCore

/// How a table of archives has addresses. What was written in one format is not to be read in another.
public enum ArchiveAddressFormat: String, Hashable, Sendable, CaseIterable {
    /// By what they differ in from the owner's, which is most often little:
    ///
    /// | address                           | bare           | with a resource        |
    /// |-----------------------------------|----------------|------------------------|
    /// | the owner's own                   | (empty)        | `/resource`            |
    /// | of the owner's domain             | `local`        | `local/resource`       |
    /// | the owner's domain itself         | `:`            | `:/resource`           |
    /// | of another domain                 | `domain:local` | `domain@local/resource`|
    /// | another domain itself             | `domain:`      | `domain@/resource`     |
    case relative = "mam_jid_mini"
    /// As they are.
    case whole = "mam_jid_rfc"
    /// As they are. MongooseIM takes what it reads for well-formed then; here nothing is.
    case wholeTrusted = "mam_jid_rfc_trust"

    /// What is stored for an address.
    func text(of address: JID, in owner: BareJID) -> String {
        self == .relative ? Self.relativeText(of: address, in: owner) : address.description
    }

    /// The address that a text stands for.
    ///
    /// - Throws: ``JIDError`` when it stands for none.
    func address(_ text: String, in owner: BareJID) throws(JIDError) -> JID {
        try JID(self == .relative ? Self.wholeText(of: text, in: owner) : text)
    }

    private static func relativeText(of address: JID, in owner: BareJID) -> String {
        let resource = address.resourcepart
        // The owner's domain itself has a sign of its own even where it is the owner.
        if address.bare == owner, owner.localpart != nil || resource != nil {
            return resource.map { "/" + $0 } ?? ""
        }
        let (local, domain) = (address.localpart, address.domainpart)
        if domain == owner.domainpart {
            let name = local ?? ":"
            return resource.map { "\(name)/\($0)" } ?? name
        }
        return resource.map { "\(domain)@\(local ?? "")/\($0)" } ?? "\(domain):\(local ?? "")"
    }

    private static func wholeText(of text: String, in owner: BareJID) -> String {
        let utf8 = text.utf8
        // Neither localparts nor domains have these characters, but for an address of IPv6, which is in brackets.
        guard let sign = utf8[domainLiteralEnd(of: utf8)...].firstIndex(where: { ":@/".utf8.contains($0) }) else {
            return text.isEmpty ? owner.description : "\(text)@\(owner.domainpart)"
        }
        let (before, after) = (text[..<sign], text[text.utf8.index(after: sign)...])
        switch utf8[sign] {
        case UInt8(ascii: "/"):
            return before.isEmpty ? "\(owner)/\(after)" : "\(before)@\(owner.domainpart)/\(after)"
        case UInt8(ascii: ":"):
            if before.isEmpty { return owner.domainpart + after }
            return after.isEmpty ? String(before) : "\(after)@\(before)"
        default:
            guard let slash = after.utf8.firstIndex(of: UInt8(ascii: "/")) else { return "\(after)@\(before)" }
            let (local, resource) = (after[..<slash], after[slash...])
            return local.isEmpty ? "\(before)\(resource)" : "\(local)@\(before)\(resource)"
        }
    }

    /// Where a text that may begin with an address of IPv6 is to be looked at.
    private static func domainLiteralEnd(of utf8: String.UTF8View) -> String.Index {
        guard utf8.first == UInt8(ascii: "["), let end = utf8.firstIndex(of: UInt8(ascii: "]")),
            let next = utf8[end...].dropFirst().first, next == UInt8(ascii: ":") || next == UInt8(ascii: "@"),
            !utf8[..<end].contains(UInt8(ascii: "/"))
        else { return utf8.startIndex }
        return end
    }
}
