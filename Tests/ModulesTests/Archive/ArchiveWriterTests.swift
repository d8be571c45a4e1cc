// SPDX-License-Identifier: Apache-2.0
// The writer of archives: its order, what it promises of stores that are slow, away, or choosy.

import Synchronization
import Testing

@testable import XMPPCore
@testable import XMPPModules

@Suite(.timeLimit(.minutes(1)))
struct ArchiveWriterTests {
    private static func origins(_ store: HeldArchive) throws -> [String] {
        store.origins(try BareJID("juliet@example.com"))
    }

    static func entry(_ origin: String, stanza: [UInt8] = []) throws -> ArchiveEntry {
        ArchiveEntry(
            archive: try BareJID("juliet@example.com"),
            message: ArchivedMessage(
                id: .range.lowerBound, direction: .received, sender: try JID("romeo@example.net/orchard"),
                peer: try JID("romeo@example.net/orchard"), stanza: stanza, originID: origin))
    }

    /// Gives `body` a writer on a store of its own.
    private static func run(
        _ body: (ArchiveWriter, HeldArchive, Verona, ManualTime) async throws -> Void
    ) async throws {
        try await Verona.run(with: []) { verona, time in
            let store = HeldArchive()
            let host = try #require(verona.server.host("example.com"))
            try await body(ArchiveWriter(store, of: host), store, verona, time)
        }
    }

    private static func completion(_ work: Work) throws -> Completion {
        guard !work.holdsUp, let completion = work.completion else {
            throw ArchiveTestFailure("the sender was held back, or nothing was done")
        }
        return completion
    }

    @Test func whatWaitsIsWrittenTogetherInItsOrder() async throws {
        try await Self.run { writer, store, verona, _ in
            store.hold()
            var works: [Completion] = []
            for number in Int64(1)...600 {
                works.append(try Self.completion(writer.append(try Self.entry("\(number)")).work))
            }
            #expect(works.allSatisfy { !$0.isComplete })
            store.release()
            try await writer.settle()
            await verona.settle()
            #expect(works.allSatisfy { $0.isComplete })
            #expect(try Self.origins(store) == (1...600).map(String.init))
            #expect(store.state.withLock { $0.batchCounts.allSatisfy { $0 <= ArchiveWriter.batchMessageCountMax } })
            #expect(store.state.withLock { $0.batchCounts.count } <= 4)
        }
    }

    @Test func aStoreThatIsAwayIsTriedAgain() async throws {
        try await Self.run { writer, store, verona, time in
            store.state.withLock { $0.errors = Array(repeating: .unavailable(detail: "away"), count: 3) }
            let done = try Self.completion(writer.append(try Self.entry("1")).work)
            for pause in [100, 200, 400] {
                #expect(!done.isComplete)
                await verona.settleLoops()
                time.advance(by: .milliseconds(pause))
            }
            await done.wait()
            #expect(try Self.origins(store) == ["1"])
        }
    }

    @Test func oneThatIsRefusedTakesNoOthersWithIt() async throws {
        try await Self.run { writer, store, verona, _ in
            store.state.withLock { $0.refused = ["3"] }
            store.hold()
            var works: [Completion] = []
            for number in Int64(1)...5 {
                works.append(try Self.completion(writer.append(try Self.entry("\(number)")).work))
            }
            store.release()
            for work in works { await work.wait() }
            #expect(try Self.origins(store) == ["1", "2", "4", "5"])
        }
    }

    @Test func whoWritesTooFastIsHeldBackThenRefused() async throws {
        try await Self.run { writer, store, verona, _ in
            store.hold()
            var heldBackCount = 0
            for number in 1...Int64(ArchiveWriter.messageCountMax) {
                try writer.checkRoom()
                if writer.append(try Self.entry("\(number)")).work.holdsUp { heldBackCount += 1 }
            }
            // The first batch is being written, and does not count. That it throws is what is waited for.
            while (try? writer.checkRoom()) != nil { _ = writer.append(try Self.entry("one more")) }
            #expect(throws: StanzaError.self) { () throws in try writer.checkRoom() }
            #expect(
                heldBackCount > ArchiveWriter.messageCountMax - ArchiveWriter.messageCountLong - 2
                    * ArchiveWriter.batchMessageCountMax)
            store.release()
            try await writer.settle()
            try writer.checkRoom()
        }
    }

    @Test func bytesAreBoundedToo() async throws {
        try await Self.run { writer, store, _, _ in
            store.hold()
            let stanza = [UInt8](repeating: 0x20, count: 1_000_000)
            var count: Int64 = 0
            while count < 200, (try? writer.checkRoom()) != nil {  // until it throws
                count += 1
                _ = writer.append(try Self.entry("\(count)", stanza: stanza))
            }
            #expect(count <= Int64(ArchiveWriter.byteCountMax + ArchiveWriter.batchByteCountMax) / 1_000_000 + 2)
            store.release()
            try await writer.settle()
            #expect(store.state.withLock { $0.batchCounts.max() ?? 0 } <= 4)
        }
    }

    @Test func aReaderDoesNotWaitForEver() async throws {
        try await Self.run { writer, store, verona, time in
            store.hold()
            _ = writer.append(try Self.entry("1")).work
            let reading = Task { () -> Bool in
                // That it is thrown is what the test waits for.
                do { try await writer.settle() } catch { return false }
                return true
            }
            var isDone = false
            for _ in 0..<1_000 where !isDone {
                await verona.settleLoops()
                time.advance(by: .milliseconds(10))
                isDone = time.uptime > ArchiveWriter.readDelayMax + .seconds(1)
            }
            #expect(await reading.value == false)
            store.release()
        }
    }

    @Test func retractionsFindWhatCameBefore() async throws {
        try await Self.run { writer, store, verona, _ in
            func stanza(_ id: String) -> [UInt8] {
                Array(
                    "<message xmlns='jabber:client' from='romeo@example.net/orchard' id='\(id)'><body>!</body></message>"
                        .utf8)
            }
            let request = try #require(
                Stanza.literal(
                    "<message id='r' type='chat'><retract id='a' xmlns='urn:xmpp:message-retract:1'/></message>"
                ).flatMap(Message.init))
            let retraction = try #require(Retraction(request))
            store.hold()
            _ = writer.append(try Self.entry("a", stanza: stanza("a")))
            _ = writer.append(try Self.entry("a", stanza: stanza("a")))
            _ = writer.append(try Self.entry("r", stanza: stanza("r")), retracting: retraction)
            _ = writer.append(try Self.entry("a", stanza: stanza("a")))
            store.release()
            try await writer.settle()
            await verona.settle()
            let texts = store.state.withLock { state in
                state.archives.keys.flatMap { state.messages($0) }.map { String(decoding: $0.stanza, as: UTF8.self) }
            }
            #expect(texts.map { $0.contains("<retracted") } == [false, true, false, false])
            #expect(texts[1].contains("id='r'") && !texts[1].contains("<body"))
        }
    }
}

/// What a test found instead of what it needs to go on.
struct ArchiveTestFailure: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

extension Verona {
    /// Waits until every loop has done what others asked it to do, without waiting for what is under way.
    func settleLoops() async {
        for _ in 0..<8 {
            for loop in server.loops.loops {
                await withCheckedContinuation { continuation in loop.post { continuation.resume() } }
            }
        }
    }
}
