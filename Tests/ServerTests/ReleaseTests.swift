// SPDX-License-Identifier: Apache-2.0
// What remains in memory of servers that their owners have let go of: nothing.

import Testing
import XMPPModules
import XMPPPersistenceSQLite

@testable import XMPPCore

@Suite(.timeLimit(.minutes(1)))
struct ReleaseTests {
    /// How a server comes to its end.
    enum End: CaseIterable { case shutDown, dropped }

    /// Something that is to be gone.
    private struct Remains: Sendable {
        let name: String
        weak let object: (any AnyObject & Sendable)?
    }

    @Test(arguments: End.allCases) func nothingRemainsOfAServer(_ end: End) async throws {
        // One server after another: what the first leaves behind would only be joined by what the second does.
        for _ in 0..<2 {
            let remains = try await serve(until: end)
            // The last reference may go with a task that has told its result already; nobody tells of its end.
            let deadline = ContinuousClock.now + .seconds(10)
            while remains.contains(where: { $0.object != nil }), ContinuousClock.now < deadline { await Task.yield() }
            #expect(remains.filter { $0.object != nil }.map(\.name) == [])
        }
    }

    @Test func aStreamOfAServerThatIsGoneTakesWhatItIsGiven() async throws {
        let local = try await LocalStorage.open(.memory)
        let stream = try await connectedStream(local.storage)
        await stream.send(Message(to: stream.jid.jid, body: "Is anybody there?"))
        await stream.close()
        await local.close()
    }

    /// A stream of a server that nobody holds any more.
    private func connectedStream(_ storage: Storage) async throws -> InProcessStream {
        let server = try XMPPServer(
            configuration: ServerConfiguration(domain: "example.org"), storage: storage, modules: [])
        return try await server.connect(as: FullJID("juliet@example.org/balcony"))
    }

    @Test func nothingRemainsOfAServerThatCannotBeMade() async throws {
        weak let time = try await failToServe()
        #expect(time == nil)
    }

    /// Fails once the hosts are there, and returns what they and the loops hold.
    private func failToServe() async throws -> ManualTime {
        let time = ManualTime()
        let storage = try await LocalStorage.open(.memory)
        var configuration = ServerConfiguration(domain: "example.org")
        configuration.hosts[0].modules = [ModuleConfiguration(Gate.manifest.name)]
        configuration.listeners = [ListenerConfiguration(port: 0, shaper: "missing")]
        #expect(throws: ServerError.shaperUnknown("missing")) {
            try XMPPServer(configuration: configuration, storage: storage.storage, modules: [Gate.self], time: time)
        }
        return time
    }

    /// Serves every kind of stream with every module, and leaves sessions behind that only the end of the server ends.
    private func serve(until end: End) async throws -> [Remains] {
        let test = try await TestServer {
            let modules = StandardModules.all.map { $0.manifest.name } + [Gate.manifest.name]
            $0.hosts[0].modules = modules.map { ModuleConfiguration($0) }
            $0.listeners = [ListenerConfiguration(port: 0)]
        }
        let server = test.server
        let running = end == .shutDown ? Task { [server] in try await server.run() } : nil
        let silent = test.client()
        silent.open()
        let juliet = try await test.bound("juliet", "b")
        juliet.write("<presence/><iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
        _ = try await juliet.until("</iq>")
        let (romeo, _) = try await test.managed("romeo", "a")
        let (gone, _) = try await test.managed("romeo", "gone")
        romeo.write("<presence/><inactive xmlns='urn:xmpp:csi:0'/>")
        romeo.write(ManagementTests.message("hello", to: "juliet@example.org"))
        _ = try await juliet.until("</message>")
        gone.cut()
        juliet.write(ManagementTests.message("never acknowledged", to: "romeo@example.org/gone"))
        let inProcess = try await server.connect(as: FullJID("romeo@example.org/here"))
        await inProcess.send(Presence())
        await test.settle()
        let host = try #require(server.host("example.org"))
        let remains =
            [
                Remains(name: "server", object: server), Remains(name: "host", object: host),
                Remains(name: "router", object: server.router),
                Remains(name: "registry", object: server.router.registry),
                Remains(name: "workers", object: host.workers), Remains(name: "loops", object: server.loops),
                Remains(name: "module", object: host.service(Gate.State.self)),
            ] + server.loops.loops.map { Remains(name: "loop \($0.number)", object: $0) }
            + server.router.registry.all.map { Remains(name: "session \($0.jid)", object: $0) }
        #expect(remains.count == 7 + 2 + 4)
        #expect(remains.allSatisfy { $0.object != nil })
        running?.cancel()
        try await running?.value
        return remains
    }
}
