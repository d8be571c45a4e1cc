// SPDX-License-Identifier: Apache-2.0
// Who may make whom what in a room, and what follows from it: the rules of MUC Light's "Changing the occupant list".

import XMPPCore

/// What an account is to be in a room; `nil` means none of its occupants.
struct AffiliationItem: Hashable, Sendable {
    var account: BareJID
    var affiliation: RoomAffiliation?

    var isOwner: Bool { affiliation == .owner }
}

/// A change of a room's occupants.
struct AffiliationChange: Hashable, Sendable {
    /// What of the options decides about changes, for one room.
    struct Rules: Hashable, Sendable {
        var hasEqualOccupants = false
        var allowsManyOwners = false
        var promotesWhenLastOwnerLeaves = true
        var everybodyInvites = false
    }

    /// All that changes: what was asked for, and what follows from it.
    private(set) var items: [AffiliationItem]
    /// Who is in the room after it.
    private(set) var occupants: [BareJID: RoomAffiliation]

    /// Checks who asks for what.
    ///
    /// - Parameters:
    ///   - items: no account twice.
    ///   - actor: an occupant; the errors are its.
    /// - Throws: `.notAllowed` for what the actor may not do, `.badRequest` for what makes no sense.
    static func check(
        _ items: [AffiliationItem], by actor: BareJID, in occupants: [BareJID: RoomAffiliation], _ rules: Rules
    ) throws(StanzaError) {
        if occupants[actor] != .owner {
            for item in items {
                let isLeaving = item.account == actor && item.affiliation == nil
                // That a member is one already is a mistake of those who may add members.
                let isInviting =
                    rules.everybodyInvites && item.affiliation == .member && occupants[item.account] != .owner
                guard isLeaving || isInviting else { throw .notAllowed }
            }
        }
        guard !items.isEmpty else { throw .badRequest }
        try checkOwnerCount(items, rules)
        // All changes must be meaningful.
        for item in items where occupants[item.account] == item.affiliation { throw .badRequest }
    }

    /// Checks that a room may have as many owners as are named.
    ///
    /// - Throws: `.badRequest`.
    static func checkOwnerCount(_ items: [AffiliationItem], _ rules: Rules) throws(StanzaError) {
        let count = items.count { $0.isOwner }
        guard count == 0 || !rules.hasEqualOccupants, count <= 1 || rules.allowsManyOwners else { throw .badRequest }
    }

    /// Applies items that were checked, and those that follow from them.
    ///
    /// - Parameter items: at least one.
    /// - Throws: `.notAllowed` when the last owner would leave and may not; `.badRequest` when nothing is left to do.
    init(
        _ items: [AffiliationItem], to old: [BareJID: RoomAffiliation], _ rules: Rules
    ) throws(StanzaError) {
        self.items = items
        occupants = old
        for item in items { occupants[item.account] = item.affiliation }
        guard !rules.hasEqualOccupants else { return }
        if !rules.allowsManyOwners, items.contains(where: { $0.affiliation == .owner }) { demoteOthers() }
        guard old.values.contains(.owner), !occupants.isEmpty, !occupants.values.contains(.owner) else { return }
        guard rules.promotesWhenLastOwnerLeaves else { throw .notAllowed }
        try promoteSomebody(old)
    }

    /// Giving somebody the status of owner takes it from the one who has it.
    private mutating func demoteOthers() {
        let named = Set(items.map(\.account))
        for (account, affiliation) in occupants where affiliation == .owner && !named.contains(account) {
            occupants[account] = .member
            items.append(AffiliationItem(account: account, affiliation: .member))
        }
    }

    /// The first by address of those whom nothing else happens to; else the first of all.
    private mutating func promoteSomebody(_ old: [BareJID: RoomAffiliation]) throws(StanzaError) {
        let named = Set(items.map(\.account))
        let candidates = Self.sorted(occupants.keys)
        guard let heir = candidates.first(where: { !named.contains($0) }) ?? candidates.first else { return }
        occupants[heir] = .owner
        items.removeAll { $0.account == heir }
        if old[heir] != .owner { items.append(AffiliationItem(account: heir, affiliation: .owner)) }
        // The only occupant has asked to be a member.
        guard !items.isEmpty else { throw .badRequest }
    }

    /// Accounts in the order of their addresses' bytes, in which lists of occupants are written.
    static func sorted(_ accounts: some Sequence<BareJID>) -> [BareJID] {
        accounts.map { (Array($0.description.utf8), $0) }
            .sorted { $0.0.lexicographicallyPrecedes($1.0) }
            .map(\.1)
    }
}
