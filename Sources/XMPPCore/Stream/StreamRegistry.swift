// SPDX-License-Identifier: Apache-2.0
// The streams that are open.

import Synchronization

/// Knows every open stream of a server. May be used from any thread.
final class StreamRegistry: Sendable {
    private struct Entry {
        let stream: ClientStream
        let loop: EventLoop
    }
    private let streams = Mutex<[ObjectIdentifier: Entry]>([:])

    /// Takes note of a stream and of its loop. On that loop; again when it came to another.
    func insert(_ stream: ClientStream) {
        let entry = Entry(stream: stream, loop: stream.loop)
        streams.withLock { $0[ObjectIdentifier(stream)] = entry }
    }

    func remove(_ stream: ClientStream) { streams.withLock { $0[ObjectIdentifier(stream)] = nil } }

    /// Forgets all streams, which hold the registry.
    func removeAll() {
        // Released outside the lock.
        let all = streams.withLock { streams in
            defer { streams = [:] }
            return streams
        }
        withExtendedLifetime(all) {}
    }

    var count: Int { streams.withLock { $0.count } }

    /// Calls `body` with each stream, on its loop. One that is on its way to another loop just then is passed over.
    func forEach(_ body: @escaping @Sendable (ClientStream) -> Void) {
        for entry in streams.withLock({ Array($0.values) }) {
            entry.loop.post { if entry.stream.loop.isCurrent { body(entry.stream) } }
        }
    }
}
