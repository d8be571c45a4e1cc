// SPDX-License-Identifier: Apache-2.0
// The contract where a network lies between a store and its server: what is acknowledged, what is done twice, and who
// waits for how long, when connections are cut and answers do not come.

import Synchronization
public import XMPPCore

/// The way between a store and its server, which the author of a backend lets the checks disturb: a proxy between the two
/// will do. All of it holds for the connections that there are and for those that are made later.
public protocol ConformanceNetwork: Sendable {
    /// Holds back what the server says from now on. What the store says goes on to the server.
    func holdAnswers() async
    /// Waits until there is something held back.
    func answersAreHeld() async
    /// Lets the answers that were held back go on, and all later ones.
    func releaseAnswers() async
    /// Cuts all connections; what is held back is lost. New ones can be made, and get answers.
    func cut() async

    /// Within which time each call must end whatever happens, 1 s or more for the machine may be busy: what the settings
    /// of the store say for an answer and for waiting, together.
    var callDurationMax: Duration { get }
    /// More callers at once than the store lets wait, with its connections: some of them must be refused at once; nil
    /// for a store that lets any number wait.
    var excessiveCallCount: Int? { get }
}

/// One sentence about stores behind a network.
public struct NetworkCheck: Sendable, CustomStringConvertible {
    /// The name of the check; no other network check has it.
    public let name: String
    /// The promise.
    public let sentence: String
    private let body: @Sendable (NetworkTrial) async throws -> Void

    init(_ name: String, _ sentence: String, _ body: @escaping @Sendable (NetworkTrial) async throws -> Void) {
        self.name = name
        self.sentence = sentence
        self.body = body
    }

    /// Finds out whether stores keep the promise.
    ///
    /// - Parameters:
    ///   - storage: is empty, and reaches its server over `network` alone.
    /// - Throws: ``ConformanceFailure`` when they do not, or the error of a call that should have worked.
    public func run(_ storage: Storage, over network: any ConformanceNetwork) async throws {
        try await body(NetworkTrial(storage: storage, network: network))
    }

    /// The check's name.
    public var description: String { name }
}

/// The checks of stores behind a network.
public enum NetworkChecks {
    /// Every check.
    public static let all: [NetworkCheck] = [
        NetworkCheck("acknowledgedIsKeptWhenCut", "What was acknowledged is there after connections were cut.") {
            trial in
            for round in 0..<8 {
                try await trial.untilItWorks { try await trial.write("before \(round)", 0) }
                let acknowledged = try await trial.writeMessages(80, named: "round \(round)", cutAfterEach: 15)
                try await trial.checkMessages(acknowledged)
            }
        },
        NetworkCheck("unacknowledgedIsNotRepeated", "What was done and not acknowledged is not done once more.") {
            trial in
            for index in 0..<5 {
                // There are connections, so that it is the writes whose answers are held.
                try await trial.untilItWorks { try await trial.write("before \(index)", 0) }
                await trial.network.holdAnswers()
                async let acknowledged = trial.writeMessages(4, named: "round \(index)", cutAfterEach: nil)
                // The server has what the answers are about.
                await trial.network.answersAreHeld()
                await trial.network.cut()
                try await trial.checkMessages(try await acknowledged)
            }
        },
        NetworkCheck("itemsAreWholeWhenCut", "A roster item is there as a whole or not at all.") { trial in
            try await trial.checkRosterWhenCut()
        },
        NetworkCheck("stallIsAnOutage", "A call whose answer does not come throws 'unavailable', in time.") { trial in
            try await trial.checkStall()
        },
        NetworkCheck("worksAgainByItself", "After an outage the stores work again, and nobody has to help.") { trial in
            for _ in 0..<3 {
                await trial.network.holdAnswers()
                // Idle connections are not the only ones that must be made anew.
                let results = try await trial.inTime(8) { try await trial.read($0) }
                try expect(results.allSatisfy { !$0.isDone }, "a call was answered, and no answer came")
                await trial.network.cut()
                try await trial.untilItWorks { try await trial.write("after", 0) }
            }
        },
        NetworkCheck("everyCallerGetsAnAnswer", "With more callers than connections everybody gets an answer.") {
            trial in
            try await trial.checkCrowd()
        },
    ]
}

/// What became of a call.
enum CallResult: Sendable {
    case done
    case unavailable

    var isDone: Bool { self == .done }
}

/// Storage, and the way to it, of one check.
struct NetworkTrial: Sendable {
    let storage: Storage
    let network: any ConformanceNetwork

    /// Makes calls at once, and waits for all of them, though not longer than a call may take.
    ///
    /// - Parameter callCountEach: how many calls of a store may come one after the other.
    /// - Returns: what became of each, in the order in which they ended.
    /// - Throws: ``ConformanceFailure`` when one does not end in time, or the first error but "unavailable".
    @discardableResult
    func inTime(
        _ callCount: Int, callCountEach: Int = 1, line: UInt = #line,
        _ call: @escaping @Sendable (Int) async throws -> Void
    ) async throws -> [CallResult] {
        // One that hangs cannot be made to end: it is left behind, and the check fails.
        let (results, add) = AsyncStream.makeStream(of: Result<CallResult, any Error>?.self)
        let calls = (0..<callCount).map { index in
            Task {
                do {
                    try await call(index)
                    add.yield(.success(.done))
                } catch StorageError.unavailable {
                    add.yield(.success(.unavailable))
                } catch {
                    add.yield(.failure(error))
                }
            }
        }
        let deadline = network.callDurationMax * callCountEach
        let alarm = Task {
            try await Task.sleep(for: deadline)
            add.yield(nil)
        }
        defer {
            alarm.cancel()
            for call in calls { call.cancel() }
        }
        var found: [CallResult] = []
        if callCount == 0 { return [] }
        for await result in results {
            guard let result else {
                let message = "\(callCount - found.count) of \(callCount) calls have no answer after \(deadline)"
                throw ConformanceFailure(message: message, line: line)
            }
            found.append(try result.get())
            if found.count == callCount { break }
        }
        return found
    }

    /// Repeats a call until it works, for as long as an outage and a few calls may last.
    @discardableResult
    func untilItWorks<Value: Sendable>(
        line: UInt = #line, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        let end = ContinuousClock.now + network.callDurationMax * 4
        while true {
            do { return try await body() } catch StorageError.unavailable {
                try expect(ContinuousClock.now < end, "the store does not work again by itself", line: line)
                await Task.yield()
            }
        }
    }

    // MARK: Messages: a second one shows that something was done twice

    private func account(_ index: Int) throws -> BareJID { try BareJID("account\(index % 8)@capulet.example") }

    func write(_ name: String, _ index: Int) async throws {
        let message = OfflineMessage(
            from: try Fixtures.romeo().jid, stanza: Array("\(name) \(index)".utf8), receivedMicroseconds: 0)
        let account = try account(index)
        let result = try await storage.offlineMessages.append(message, for: account, messageCountMax: nil)
        try expectEqual(result, .stored)
    }

    func read(_ index: Int) async throws {
        let account = try account(index)
        switch index % 4 {
        case 0: try expectEqual(try await storage.accounts.credential(of: account), nil)
        case 1: try expectEqual(try await storage.rosters.roster(of: account, after: nil, limit: 9).items, [])
        case 2: try expectEqual(try await storage.privateElements.element(namespace: "a", of: account), nil)
        default: try expectEqual(try await storage.lastActivity.lastActivity(of: account), nil)
        }
    }

    /// Stores messages at once.
    ///
    /// - Parameter interval: connections are cut each time that so many more are acknowledged; nil for never.
    /// - Returns: the names of those that were acknowledged.
    func writeMessages(_ count: Int, named name: String, cutAfterEach interval: Int?) async throws -> Set<String> {
        let acknowledged = Names()
        try await inTime(count) { index in
            try await write(name, index)
            let count = acknowledged.add("\(name) \(index)")
            if let interval, count % interval == 0 { await network.cut() }
        }
        return acknowledged.all
    }

    /// Checks that each acknowledged message is there once, and each other one at most once.
    func checkMessages(_ acknowledged: Set<String>, line: UInt = #line) async throws {
        var found: [String] = []
        for index in 0..<8 {
            let account = try account(index)
            let stored = try await untilItWorks(line: line) {
                try await Fixtures.all {
                    try await storage.offlineMessages.messages(for: account, at: 0, after: $0, limit: 100)
                }
            }
            found += stored.map { String(decoding: $0.message.stanza, as: UTF8.self) }
        }
        try expectEqual(Set(found).count, found.count, line: line)
        let lost = acknowledged.subtracting(found)
        try expect(lost.isEmpty, "\(lost.count) messages that were acknowledged are lost", line: line)
    }

    // MARK: Rosters: an item has several rows

    func checkRosterWhenCut() async throws {
        let contacts = try (0..<Self.writerCount).map { try JID("contact\($0)@montague.example") }
        let acknowledged = Mutex([Int](repeating: 0, count: Self.writerCount))
        try await whileCut { writer, count in
            let (contact, account, text) = (contacts[writer], try account(writer), "\(count)")
            do {
                try await storage.rosters.update(contact, of: account, itemCountMax: nil) { _ in
                    RosterItem(contact: contact, name: text, groups: ["a \(text)", "b \(text)"], requestText: text)
                }
                acknowledged.withLock { $0[writer] = count }
            } catch let error as StorageError {
                // Looked at before it is written again, which would make it whole.
                try await checkItem(contact, of: account, isAtLeast: acknowledged.withLock { $0[writer] })
                throw error
            }
        }
        for (writer, contact) in contacts.enumerated() {
            let count = acknowledged.withLock { $0[writer] }
            try await checkItem(contact, of: try account(writer), isAtLeast: count)
        }
    }

    private func checkItem(_ contact: JID, of account: BareJID, isAtLeast count: Int) async throws {
        let item = try await untilItWorks { try await storage.rosters.item(contact, of: account) }
        let isWhole = item.map { $0.groups == ["a \($0.name)", "b \($0.name)"] && $0.requestText == $0.name } ?? true
        try expect(isWhole, "half a change is left")
        try expect(Int(item?.name ?? "0") ?? 0 >= count, "an acknowledged change is lost")
    }

    // MARK: Cuts

    static let writerCount = 20

    /// Has many write, one call after the other, while the connections are cut again and again.
    ///
    /// - Parameter write: gets the writer's number and how many calls it has made, this one included.
    func whileCut(_ write: @escaping @Sendable (_ writer: Int, _ count: Int) async throws -> Void) async throws {
        let isOver = Mutex(false)
        let doneCount = Mutex(0)
        async let cuts: Void = {
            await cutInTheMiddle(roundCount: 8) { doneCount.withLock { $0 } }
            isOver.withLock { $0 = true }
        }()
        // The time is for the outages, not for one call.
        let results = try await inTime(Self.writerCount, callCountEach: 8) { writer in
            var count = 0
            while !isOver.withLock({ $0 }) {
                count += 1
                do {
                    try await write(writer, count)
                    doneCount.withLock { $0 += 1 }
                } catch StorageError.unavailable {
                    await Task.yield()  // nobody was told that it was stored
                }
            }
        }
        await cuts
        try expectEqual(results.count, Self.writerCount)
    }

    /// Cuts the connections while answers are under way, again and again, as long as others make calls.
    ///
    /// - Parameter doneCount: how many of their calls are done.
    private func cutInTheMiddle(roundCount: Int, doneCount: @Sendable () -> Int) async {
        var numbers = SeededNumbers(seed: 1)
        for _ in 0..<roundCount {
            // Once the connections are there again, somewhere in what the others do.
            let next = doneCount() + 20 + Int(numbers.next() % 20)
            while doneCount() < next, !Task.isCancelled { await Task.yield() }
            for _ in 0..<numbers.next() % 200 { await Task.yield() }
            if Task.isCancelled { return }
            await network.holdAnswers()
            await network.answersAreHeld()
            await network.cut()
        }
    }

    // MARK: Outages

    func checkStall() async throws {
        for round in 0..<2 {
            try await untilItWorks { try await write("before \(round)", 0) }
            await network.holdAnswers()
            let results = try await inTime(40) { index in
                if index % 2 == 0 { try await write("round \(round)", index) } else { try await read(index / 2) }
            }
            try expect(results.allSatisfy { !$0.isDone }, "a call was answered, and no answer came")
            await network.releaseAnswers()
        }
        // What was asked for meanwhile may have been done, once.
        try await checkMessages([])
    }

    func checkCrowd() async throws {
        let count = network.excessiveCallCount ?? 1_000
        let acknowledged = Names()
        let isReleased = Mutex(false)
        await network.holdAnswers()
        let results = try await inTime(count) { index in
            do {
                if index % 2 == 0 { try await write("message", index) } else { try await read(index / 2) }
            } catch {
                // Somebody was told that too many wait, or that no answer came. The rest may go on.
                let isFirst = isReleased.withLock { isReleased in
                    defer { isReleased = true }
                    return !isReleased
                }
                if isFirst { await network.releaseAnswers() }
                throw error
            }
            if index % 2 == 0 { acknowledged.add("message \(index)") }
        }
        if network.excessiveCallCount != nil {
            try expect(results.contains { !$0.isDone }, "nobody was refused, and more called than may wait")
        }
        try await checkMessages(acknowledged.all)
        // Those who gave up hold nothing: as many as before find their turn.
        let later = try await inTime(50) { _ in
            let count = try await untilItWorks { try await storage.accounts.accountCount(in: "capulet.example") }
            try expectEqual(count, 0)
        }
        try expectEqual(later.count { $0.isDone }, 50)
    }
}

/// Names that many tasks add to.
private final class Names: Sendable {
    private let names = Mutex<Set<String>>([])

    /// Adds a name, and returns how many there are.
    @discardableResult
    func add(_ name: String) -> Int {
        names.withLock { names in
            names.insert(name)
            return names.count
        }
    }
    var all: Set<String> { names.withLock { $0 } }
}
