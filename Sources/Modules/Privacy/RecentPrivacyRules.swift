// SPDX-License-Identifier: Apache-2.0
// The default lists of accounts that stanzas came for while they had no session.

internal import XMPPCore

/// What was read last of accounts, those without a list included: most have none, and that costs no second look.
struct RecentPrivacyRules: Sendable {
    /// How many items, and accounts, are held at most: twice this, for what was not asked for since the last so many is
    /// dropped all at once.
    static let weightMax = 50_000

    private var young: [BareJID: PrivacyRules?] = [:]
    private var old: [BareJID: PrivacyRules?] = [:]
    private var weight = 0

    /// An account's default list: nil for none; `.none` when it is not known.
    mutating func rules(of account: BareJID) -> PrivacyRules?? {
        if let known = young[account] { return .some(known) }
        guard let known = old[account] else { return .none }
        keep(known, of: account)
        return .some(known)
    }

    mutating func keep(_ rules: PrivacyRules?, of account: BareJID) {
        weight += 1 + (rules?.list.items.count ?? 0)
        if weight > Self.weightMax {
            old = young
            young = [:]
            weight = 0
        }
        young[account] = .some(rules)
    }

    mutating func forget(_ account: BareJID) {
        young[account] = nil
        old[account] = nil
    }

    /// How many accounts are held, some perhaps twice.
    var count: Int { young.count + old.count }
}
