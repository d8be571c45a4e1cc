// SPDX-License-Identifier: Apache-2.0
// Who answers which IQ, found by the bytes of the payload's name.

/// The handlers that modules registered, by name and namespace of the payload: looked up for every get and set, without
/// making strings of either.
struct IQHandlerTable: Sendable {
    /// The handlers of one payload.
    struct Handlers: Sendable {
        fileprivate let name: String
        fileprivate let namespace: Namespace
        fileprivate var gets = ByTarget()
        fileprivate var sets = ByTarget()

        fileprivate struct ByTarget: Sendable {
            var host: IQHandler?
            var account: IQHandler?
            var ownAccount: IQHandler?
            var service: IQHandler?
            var resource: IQHandler?

            subscript(target: IQTarget) -> IQHandler? {
                get {
                    switch target {
                    case .host: host
                    case .account: account
                    case .ownAccount: ownAccount
                    case .service: service
                    case .resource: resource
                    }
                }
                set {
                    switch target {
                    case .host: host = newValue
                    case .account: account = newValue
                    case .ownAccount: ownAccount = newValue
                    case .service: service = newValue
                    case .resource: resource = newValue
                    }
                }
            }
        }

        /// The handler for requests of this type to this target; nil when there is none.
        subscript(target: IQTarget, type: IQType) -> IQHandler? {
            type == .get ? gets[target] : type == .set ? sets[target] : nil
        }
    }

    /// Open addressing: an entry lies at its hash, or in the first free place after it.
    private var places: [Int?]
    private var entries: [Handlers] = []

    init(_ handlers: [Registrar.IQKey: IQHandler]) {
        places = [Int?](repeating: nil, count: 16)
        while places.count < 4 * handlers.count { places += places }
        for (key, handler) in handlers {
            let name = Array(key.name.utf8), namespace = Array(key.namespace.uri.utf8)
            let place = name.withUnsafeBufferPointer { name in
                namespace.withUnsafeBufferPointer { namespace in self.place(name, namespace) }
            }
            if places[place] == nil {
                places[place] = entries.count
                entries.append(Handlers(name: key.name, namespace: key.namespace))
            }
            guard let index = places[place] else { continue }
            if key.type == .get { entries[index].gets[key.target] = handler }
            if key.type == .set { entries[index].sets[key.target] = handler }
        }
    }

    /// The handlers for a payload; nil when nobody answers one of its name.
    func handlers(for payload: Element) -> Handlers? {
        payload.tree.read { contents in
            let node = contents.nodes[payload.index]
            return places[place(contents.name(node), contents.namespace(node))].map { entries[$0] }
        }
    }

    /// Where the entry of a name lies, or would lie.
    private func place(_ name: UnsafeBufferPointer<UInt8>, _ namespace: UnsafeBufferPointer<UInt8>) -> Int {
        // FNV-1a, unkeyed: peers look up and cannot add.
        var hash: UInt32 = 2_166_136_261
        for byte in name { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        for byte in namespace { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        var place = Int(hash) & (places.count - 1)
        while let index = places[place] {
            if entries[index].name.hasSameBytes(as: name), entries[index].namespace.uri.hasSameBytes(as: namespace) {
                break
            }
            place = (place + 1) & (places.count - 1)
        }
        return place
    }
}
