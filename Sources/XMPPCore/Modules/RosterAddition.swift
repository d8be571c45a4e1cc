// SPDX-License-Identifier: Apache-2.0
// What a module may add to the rosters that clients are sent, beside the one that keeps rosters.

/// Adds items to the result of a roster get that are not in the roster: nobody can change or remove them there, and no
/// presence goes their way. At most one module offers it.
public protocol RosterAddition: Sendable {
    /// The items for an account: `<item/>` elements in the namespace of rosters, in their order.
    func items(for account: BareJID) async throws(StorageError) -> [Element]
}
