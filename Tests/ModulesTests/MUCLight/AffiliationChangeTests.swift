// SPDX-License-Identifier: Apache-2.0
// MUC Light, "Changing the occupant list": who may do what, and what follows from it.

import Testing
import XMPPCore

@testable import XMPPModules

struct AffiliationChangeTests {
    typealias Rules = AffiliationChange.Rules

    /// A case, in words such as `a:owner b:member` for occupants and `b:none` for items.
    struct Case: CustomTestStringConvertible, Sendable {
        var room: String
        var actor: String
        var items: String
        var rules = Rules()
        /// All that changes, or the condition of an error.
        var expected: String
        /// Who is in the room after it; nil for an error.
        var after: String?

        var testDescription: String { "\(actor) in \(room) asks for \(items)" }
    }

    private static func account(_ name: some StringProtocol) throws -> BareJID { try BareJID("\(name)@example.com") }

    private static func items(_ text: String) throws -> [AffiliationItem] {
        try text.split(separator: " ").map { word in
            let parts = word.split(separator: ":")
            return AffiliationItem(
                account: try account(parts[0]), affiliation: RoomAffiliation(rawValue: String(parts[1])))
        }
    }

    private static func occupants(_ text: String) throws -> [BareJID: RoomAffiliation] {
        var occupants: [BareJID: RoomAffiliation] = [:]
        for item in try items(text) { occupants[item.account] = item.affiliation }
        return occupants
    }

    private static let inviting = Rules(everybodyInvites: true)
    private static let equal = Rules(hasEqualOccupants: true)
    private static let equalInviting = Rules(hasEqualOccupants: true, everybodyInvites: true)
    private static let strict = Rules(promotesWhenLastOwnerLeaves: false)
    private static let many = Rules(allowsManyOwners: true)

    static let cases: [Case] = [
        // The owner can change affiliations at will.
        Case(room: "a:owner", actor: "a", items: "b:member", expected: "b:member", after: "a:owner b:member"),
        Case(room: "a:owner b:member", actor: "a", items: "b:none", expected: "b:none", after: "a:owner"),
        Case(
            room: "a:owner b:member", actor: "a", items: "b:owner", expected: "b:owner a:member",
            after: "a:member b:owner"),
        Case(
            room: "a:owner", actor: "a", items: "b:owner c:member", expected: "b:owner c:member a:member",
            after: "a:member b:owner c:member"),
        Case(
            room: "a:owner b:member", actor: "a", items: "a:none b:owner", expected: "a:none b:owner", after: "b:owner"),
        Case(
            room: "a:owner b:member", actor: "a", items: "a:member b:owner", expected: "a:member b:owner",
            after: "a:member b:owner"),
        // The last owner leaves, or wants to be one no more.
        Case(
            room: "b:owner c:member a:member", actor: "b", items: "b:none", expected: "b:none a:owner",
            after: "a:owner c:member"),
        Case(
            room: "b:owner c:member a:member", actor: "b", items: "b:none a:none", expected: "b:none a:none c:owner",
            after: "c:owner"),
        Case(
            room: "b:owner a:member", actor: "b", items: "b:member", expected: "b:member a:owner",
            after: "a:owner b:member"),
        Case(room: "b:owner", actor: "b", items: "b:none a:member", expected: "b:none a:owner", after: "a:owner"),
        Case(room: "a:owner", actor: "a", items: "a:none", expected: "a:none", after: ""),
        Case(room: "a:owner", actor: "a", items: "a:member", expected: "bad-request"),
        Case(room: "a:owner b:member", actor: "a", items: "a:none", rules: strict, expected: "not-allowed"),
        Case(room: "a:owner b:member", actor: "a", items: "a:member", rules: strict, expected: "not-allowed"),
        Case(room: "a:owner", actor: "a", items: "a:none", rules: strict, expected: "a:none", after: ""),
        Case(
            room: "a:owner b:member", actor: "a", items: "a:none b:owner", rules: strict, expected: "a:none b:owner",
            after: "b:owner"),
        // All changes must be meaningful.
        Case(room: "a:owner b:member", actor: "a", items: "b:member", expected: "bad-request"),
        Case(room: "a:owner", actor: "a", items: "a:owner", expected: "bad-request"),
        Case(room: "a:owner", actor: "a", items: "b:none", expected: "bad-request"),
        Case(room: "a:owner", actor: "a", items: "", expected: "bad-request"),
        Case(room: "a:owner", actor: "a", items: "b:owner c:owner", expected: "bad-request"),
        // A member may leave, and where all may invite, add members; never touch an owner.
        Case(room: "a:owner b:member", actor: "b", items: "b:none", expected: "b:none", after: "a:owner"),
        Case(room: "a:owner b:member", actor: "b", items: "c:member", expected: "not-allowed"),
        Case(room: "a:owner b:member", actor: "b", items: "a:none", expected: "not-allowed"),
        Case(room: "a:owner b:member", actor: "b", items: "b:owner", expected: "not-allowed"),
        Case(room: "a:owner b:member", actor: "b", items: "b:none c:member", expected: "not-allowed"),
        Case(room: "a:owner b:member c:member", actor: "b", items: "c:none", expected: "not-allowed"),
        Case(
            room: "a:owner b:member", actor: "b", items: "c:member", rules: inviting, expected: "c:member",
            after: "a:owner b:member c:member"),
        Case(
            room: "a:owner b:member", actor: "b", items: "b:none c:member", rules: inviting,
            expected: "b:none c:member", after: "a:owner c:member"),
        Case(room: "a:owner b:member", actor: "b", items: "a:member", rules: inviting, expected: "not-allowed"),
        Case(room: "a:owner b:member", actor: "b", items: "c:owner", rules: inviting, expected: "not-allowed"),
        Case(room: "a:owner b:member", actor: "b", items: "b:member", rules: inviting, expected: "bad-request"),
        Case(room: "a:owner b:member c:member", actor: "b", items: "c:none", rules: inviting, expected: "not-allowed"),
        // Without owners, and with many.
        Case(
            room: "a:member b:member", actor: "b", items: "b:none", rules: equal, expected: "b:none", after: "a:member"),
        Case(room: "a:member", actor: "a", items: "b:member", rules: equal, expected: "not-allowed"),
        Case(
            room: "a:member", actor: "a", items: "b:member", rules: equalInviting, expected: "b:member",
            after: "a:member b:member"),
        Case(room: "a:member", actor: "a", items: "a:owner", rules: equalInviting, expected: "not-allowed"),
        Case(room: "a:owner", actor: "a", items: "b:owner", rules: equal, expected: "bad-request"),
        Case(
            room: "a:owner b:member", actor: "a", items: "b:owner", rules: many, expected: "b:owner",
            after: "a:owner b:owner"),
        Case(
            room: "a:owner", actor: "a", items: "b:owner c:owner", rules: many, expected: "b:owner c:owner",
            after: "a:owner b:owner c:owner"),
        Case(room: "a:owner b:owner", actor: "a", items: "a:none", rules: many, expected: "a:none", after: "b:owner"),
        Case(room: "a:owner b:owner", actor: "a", items: "b:none", rules: many, expected: "b:none", after: "a:owner"),
    ]

    @Test(arguments: cases)
    func changesFollowTheRules(_ test: Case) throws {
        let occupants = try Self.occupants(test.room), items = try Self.items(test.items)
        let actor = try Self.account(test.actor)
        let result = Result { () throws(StanzaError) in
            try AffiliationChange.check(items, by: actor, in: occupants, test.rules)
            return try AffiliationChange(items, to: occupants, test.rules)
        }
        switch (result, test.after) {
        case (.success(let change), let after?):
            #expect(change.items == (try Self.items(test.expected)))
            #expect(change.occupants == (try Self.occupants(after)))
        case (.failure(let error), nil):
            #expect(error.condition.rawValue == test.expected)
        default:
            Issue.record("\(result)")
        }
    }
}
