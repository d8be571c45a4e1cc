// SPDX-License-Identifier: Apache-2.0
// The streams that are open.

import Synchronization

/// Knows every open stream of a server. May be used from any thread.
final class StreamRegistry: Sendable {
    private let streams = Mutex<[ObjectIdentifier: ClientStream]>([:])

    func insert(_ stream: ClientStream) { streams.withLock { $0[ObjectIdentifier(stream)] = stream } }
    func remove(_ stream: ClientStream) { streams.withLock { $0[ObjectIdentifier(stream)] = nil } }

    var count: Int { streams.withLock { $0.count } }
    var all: [ClientStream] { streams.withLock { Array($0.values) } }
}
