// SPDX-License-Identifier: Apache-2.0
// Listings in pages: nothing that is stored is ever returned "whole".

/// The place in a listing where a page ended. It means something only to the store that made it, and only for the
/// listing that it was made in.
public struct PageCursor: Hashable, Sendable {
    /// The key of the last entry of the page, part by part.
    public let key: [String]

    /// Makes a cursor; for stores only.
    public init(key: [String]) { self.key = key }
}

/// One part of a listing.
///
/// What holds of every listing of every store: its order is total and does not change while the store is open; an
/// entry that is there during the whole listing appears exactly once; an entry that comes or goes meanwhile may appear
/// or not, but never twice. An entry that cannot be read is left out, and the store logs that.
public struct Page<Element: Sendable>: Sendable {
    /// Most entries of a page; a larger `limit` reads as this one, and a `limit` below 1 reads as 1.
    public static var itemCountMax: Int { 1_000 }

    /// The entries, in the order of the listing. May be shorter than the limit, or empty, before the end.
    public var items: [Element]
    /// Where the next page starts; nil at the end of the listing.
    public var next: PageCursor?

    /// Makes a page.
    public init(items: [Element], next: PageCursor?) {
        self.items = items
        self.next = next
    }
}

extension Page: Equatable where Element: Equatable {}
