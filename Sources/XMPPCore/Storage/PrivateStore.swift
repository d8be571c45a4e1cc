// SPDX-License-Identifier: Apache-2.0
// Private XML storage (XEP-0049): one element for each account and namespace.

/// An element that an account stored for itself.
public struct PrivateElement: Hashable, Sendable {
    /// The namespace of the element, which is its key.
    public var namespace: String
    /// The element as XML, in UTF-8.
    public var xml: [UInt8]

    /// Makes an element.
    public init(namespace: String, xml: [UInt8]) {
        self.namespace = namespace
        self.xml = xml
    }
}

/// The private elements of accounts.
public protocol PrivateStore: AccountDataStore {
    /// The element of a namespace, byte for byte as it was stored; nil when there is none.
    func element(namespace: String, of account: BareJID) async throws(StorageError) -> PrivateElement?

    /// Stores elements, all or none of them. Each replaces what was stored for its namespace; of two of one namespace
    /// the last counts.
    ///
    /// - Parameter elementCountMax: how many elements the account may have afterwards; nil for no bound.
    /// - Throws: ``StorageError/limitExceeded`` when elements are added and there would be more than that.
    func set(
        _ elements: [PrivateElement], of account: BareJID, elementCountMax: Int?
    ) async throws(StorageError)

    /// Lists an account's elements.
    ///
    /// - Parameters:
    ///   - cursor: where the last page ended; nil for the first page.
    ///   - limit: most elements of the page; see ``Page/itemCountMax``.
    func elements(
        of account: BareJID, after cursor: PageCursor?, limit: Int
    ) async throws(StorageError) -> Page<PrivateElement>

    /// Lists the accounts that have elements, of every domain.
    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID>
}
