// SPDX-License-Identifier: Apache-2.0
// A privacy list as it is applied (XEP-0016 sections 2.1 and 2.2).

internal import XMPPCore

/// A list of an account, which decides of stanzas.
final class PrivacyRules: StanzaRules {
    let list: PrivacyList
    private let account: BareJID
    private let roster: (any RosterService)?
    /// Whether an item is about a group or a subscription.
    let needsRoster: Bool

    init(_ list: PrivacyList, of account: BareJID, roster: (any RosterService)?) {
        self.list = list
        self.account = account
        self.roster = roster
        needsRoster = list.items.contains { item in
            switch item.subject {
            case .group, .subscription: true
            case .everybody, .address: false
            }
        }
    }

    /// What the list says, with what the roster's memory says of the peer.
    func verdict(on passage: StanzaPassage, _ peer: JID) -> StanzaVerdict {
        guard needsRoster else { return verdict(on: passage, peer, RosterContact()) }
        return verdict(on: passage, peer, roster?.contactInMemory(peer.bare, of: account) ?? RosterContact())
    }

    /// What the list says, with what the roster says of the peer when that matters.
    func verdictLater(on passage: StanzaPassage, _ peer: JID) async throws(StorageError) -> StanzaVerdict {
        guard needsRoster, let roster else { return verdict(on: passage, peer, RosterContact()) }
        return verdict(on: passage, peer, try await roster.contact(peer.bare, of: account))
    }

    /// Makes sure that ``verdict(on:_:)`` finds the roster in memory. The account has a session.
    func prepare() async throws(StorageError) {
        // What it says of anybody is of no interest yet.
        if needsRoster { _ = try await roster?.contact(account, of: account) }
    }

    private func verdict(on passage: StanzaPassage, _ peer: JID, _ contact: RosterContact) -> StanzaVerdict {
        let bare = peer.bare
        let domain = bare.domain
        for item in list.items where item.kinds.cover(passage) {
            let isMatch =
                switch item.subject {
                case .everybody: true
                case .group(let group): contact.groups.contains(group)
                case .subscription(let subscription): contact.subscription == subscription
                case .address(let address):
                    // Section 2.1: with a resource only that; a domain with all that belongs to it.
                    address == peer
                        || address.isBare && (address.isDomain ? address.bare == domain : address.bare == bare)
                }
            guard isMatch else { continue }
            // Section 2.2, rule 6: the first that matches decides.
            return switch item.action {
            case .allow: .allowed
            case .deny: .denied
            case .block: .blocked
            }
        }
        // Rule 7
        return .allowed
    }
}

extension PrivacyItem.Kinds {
    /// Whether an item of these kinds is about a stanza: one without kinds is about all.
    fileprivate func cover(_ passage: StanzaPassage) -> Bool {
        guard !isEmpty else { return true }
        return switch passage {
        case .message: contains(Self.message)
        case .iq: contains(Self.iq)
        case .presenceIn: contains(Self.presenceIn)
        case .presenceOut: contains(Self.presenceOut)
        case .other: false
        }
    }
}

extension PrivacyList {
    /// The addresses from which the list lets nothing pass: what is the block list (XEP-0191 section 5).
    var blockedAddresses: [JID] { items.compactMap(\.blockedAddress) }
}

extension PrivacyItem {
    /// The address that this item blocks; nil when it does anything else.
    var blockedAddress: JID? {
        guard case .address(let address) = subject, action != .allow, kinds.isEmpty else { return nil }
        return address
    }
}
