// SPDX-License-Identifier: Apache-2.0
// What `mimd store` takes and what it says. That it copies is in PersistenceTests.

import ArgumentParser
import Logging
import Synchronization
import Testing
import XMPPCore

@testable import mimd

@Suite struct StoreCommandTests {
    @Test func storesAreNamed() throws {
        let parsed = try MimdCommand.parseAsRoot(["store", "copy", "--from", "local", "--to", "default"])
        let copy = try #require(parsed as? StoreCommand.Copy)
        #expect(copy.stores.kinds == StoreKind.allCases)
        #expect(copy.stores.kinds.last == .accounts)
        let some = try MimdCommand.parseAsRoot(
            ["store", "verify", "--from", "a", "--to", "local", "--only", "accounts", "--only", "rosters"])
        #expect((some as? StoreCommand.Verify)?.stores.kinds == [.rosters, .accounts])
    }

    @Test(arguments: [
        ["store", "copy", "--from", "local"], ["store", "copy", "--from", "local", "--to", "local"],
        ["store", "copy", "--from", "local", "--to", "a", "--only", "roster"], ["store", "verify"],
    ])
    func whatNamesNoTwoStoresIsRefused(arguments: [String]) {
        #expect(throws: (any Error).self) { try MimdCommand.parseAsRoot(arguments) }
    }

    @Test func schemasAreThoseOfAPool() throws {
        let parsed = try MimdCommand.parseAsRoot(["schema", "apply"])
        #expect((parsed as? SchemaCommand.Apply)?.pool.tag == "default")
        let other = try MimdCommand.parseAsRoot(["schema", "verify", "--pool", "other"])
        #expect((other as? SchemaCommand.Verify)?.pool.tag == "other")
    }

    @Test func allPoolsAreKept() throws {
        func pool(_ tag: String) -> String {
            "[outgoing_pools.rdbms.\(tag).connection]\n"
                + "driver = \"pgsql\"\nhost = \"\(tag)\"\ndatabase = \"d\"\nusername = \"u\"\n"
        }
        let general = "[general]\nhosts = [\"a.example\"]\ndefault_server_domain = \"a.example\"\n[auth.internal]\n"
        let loaded = TOMLConfigurationLoader.load(text: general + pool("default") + pool("old"), file: "m.toml")
        #expect(loaded.pools.mapValues(\.place) == ["default": "u@default:5432/d", "old": "u@old:5432/d"])
    }

    @Test func rowsThatCannotBeReadAreCounted() {
        let counter = UnreadableRowCounter()
        let logger = counter.logger
        logger.info("nobody is told")
        logger.warning("a stored row is left out")
        logger.warning("a stored row is left out")
        #expect(counter.count == 2)
    }
}

@Suite struct ProgressLineTests {
    /// What was written.
    private final class Output: Sendable {
        private let lines = Mutex<[String]>([])
        var written: [String] { lines.withLock { $0 } }
        func write(_ text: String) { lines.withLock { $0.append(text) } }
    }

    private func progress(_ accountCount: Int, _ entryCount: Int) -> StoreProgress {
        var progress = StoreProgress()
        progress.accountCount = accountCount
        progress.entryCount = entryCount
        return progress
    }

    @Test func aTerminalSeesALineNowAndThen() {
        let (output, time) = (Output(), ManualTime())
        var line = ProgressLine(
            "copying rosters", total: 1_000, output: .terminal(columnCount: 120), time: time, write: output.write)
        line.update(progress(1, 20))
        line.update(progress(2, 40))
        time.advance(by: .milliseconds(249))
        line.update(progress(3, 60))
        #expect(output.written == ["\rcopying rosters: 1 of 1000 accounts, 20 entries\u{1B}[K"])
        time.advance(by: .milliseconds(751))
        line.update(progress(11, 220))
        #expect(output.written.last == "\rcopying rosters: 11 of 1000 accounts, 220 entries, 200/s\u{1B}[K")
        time.advance(by: .seconds(9))
        line.update(progress(101, 2_020))
        #expect(
            output.written.last
                == "\rcopying rosters: 101 of 1000 accounts, 2020 entries, 200/s, 1 min 30 s left\u{1B}[K")
        // It is slower now, and what was before does not count any more.
        for count in 1...15 {
            time.advance(by: .seconds(1))
            line.update(progress(101 + count, 2_020 + count))
        }
        #expect(
            output.written.last
                == "\rcopying rosters: 116 of 1000 accounts, 2035 entries, 1/s, 14 min 44 s left\u{1B}[K")
        line.end()
        #expect(
            output.written.last == "\r\u{1B}[Kcopying rosters: 116 accounts, 2035 entries in 25 s, 81/s\n")
        #expect(output.written.count == 19)
    }

    @Test func aLineIsNoLongerThanTheTerminalIsWide() {
        let output = Output()
        var line = ProgressLine(
            "copying rosters", total: nil, output: .terminal(columnCount: 11), time: ManualTime(), write: output.write)
        line.update(progress(1, 1))
        #expect(output.written == ["\rcopying ro\u{1B}[K"])
    }

    @Test func aLogHasOneLineAtTheEnd() {
        let (output, time) = (Output(), ManualTime())
        var line = ProgressLine("copying accounts", total: nil, output: .log, time: time, write: output.write)
        for count in 1...3 {
            time.advance(by: .seconds(2_000))
            line.update(progress(count, count))
        }
        #expect(output.written.isEmpty)
        line.end()
        #expect(output.written == ["copying accounts: 3 accounts, 3 entries in 1 h 40 min, 0/s\n"])
    }

    @Test func nothingIsEstimatedFromNothing() {
        let (output, time) = (Output(), ManualTime())
        var line = ProgressLine(
            "copying accounts", total: 1, output: .terminal(columnCount: 80), time: time, write: output.write)
        time.advance(by: .seconds(60))
        line.update(progress(0, 0))
        #expect(output.written == ["\rcopying accounts: 0 of 1 account, 0 entries\u{1B}[K"])
        line.end()
        #expect(output.written.last == "\r\u{1B}[Kcopying accounts: 0 accounts, 0 entries in 1 min 0 s\n")
    }
}
