// SPDX-License-Identifier: Apache-2.0
// The reader of options: every kind of value, right and wrong, and that all mistakes are reported at once.

import Testing
import XMPPCore

private enum Strategy: String, CaseIterable {
    case fifo
    case lru
}

private struct Cache: ModuleOptions {
    var strategy = Strategy.fifo
    var segmentCount = 3

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        try o.read("strategy", into: &strategy)
        try o.read("number_of_segments", into: &segmentCount, in: 1...64)
    }
}

private struct Options: ModuleOptions {
    var bufferCountMax = 100
    var roomCountMax: Int? = 5
    var isEnabled = false
    var name = "default"
    var title: String?
    var strategies: [Strategy] = []
    var servers: [String] = ["localhost"]
    var timeout = Duration.seconds(600)
    var expiry: Duration? = .seconds(1)
    var ratio = 0.5
    var cache = Cache()
    var caches: [Cache] = []

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        try o.read("buffer_max", into: &bufferCountMax, in: 1...10_000)
        try o.read("rooms_max", into: &roomCountMax, in: 0...Int.max)
        try o.read("enabled", into: &isEnabled)
        try o.read("name", into: &name, byteCountMax: 10)
        try o.read("title", into: &title)
        try o.read("strategies", into: &strategies)
        try o.read("servers", into: &servers)
        try o.read("timeout", into: &timeout, unit: .seconds, in: 1...3_600)
        try o.read("expiry", into: &expiry, unit: .milliseconds)
        try o.read("ratio", into: &ratio, in: 0...1)
        try o.read("cache", into: &cache)
        try o.read("caches", into: &caches)
        o.ignore("iqdisc")
        if isEnabled && bufferCountMax == 13 { try o.reject("buffer_max", "must not be 13 when enabled") }
        if name == "stop" { throw o.invalid("name", "stops the reading") }
    }
}

/// The table with line 1 for its first key, line 2 for its second, and so on.
private func table(_ pairs: KeyValuePairs<String, ConfigurationValue>) -> ConfigurationTable {
    ConfigurationTable(
        pairs.enumerated().map { index, pair in
            .init(key: pair.key, at: SourceLocation(file: "t.toml", line: index + 1), value: pair.value)
        })
}

private func read(_ table: ConfigurationTable) -> (options: Options, messages: [String]) {
    var diagnostics: [ConfigurationDiagnostic] = []
    let start = SourceLocation(file: "t.toml", line: 0)
    let options = Options.reading(table, path: "modules.mod_x", at: start, diagnostics: &diagnostics)
    return (options, diagnostics.map(\.description))
}

@Suite struct OptionReaderTests {
    @Test func everyKindOfValueIsRead() {
        let (options, messages) = read([
            "buffer_max": 10_000, "rooms_max": "infinity", "enabled": true, "name": "short", "title": "A title",
            "strategies": ["lru", "fifo", "lru"], "servers": ["a", "b"], "timeout": 3_600, "expiry": 250, "ratio": 1,
            "cache": ["strategy": "lru"], "caches": [["number_of_segments": 1], [:]],
        ])
        #expect(messages.isEmpty)
        #expect(options.bufferCountMax == 10_000)
        #expect(options.roomCountMax == nil)
        #expect(options.isEnabled)
        #expect(options.name == "short")
        #expect(options.title == "A title")
        #expect(options.strategies == [.lru, .fifo])
        #expect(options.servers == ["a", "b"])
        #expect(options.timeout == .seconds(3_600))
        #expect(options.expiry == .milliseconds(250))
        #expect(options.ratio == 1)
        #expect(options.cache.strategy == .lru && options.cache.segmentCount == 3)
        #expect(options.caches.map(\.segmentCount) == [1, 3])
    }

    @Test func absentKeysKeepTheDefaults() {
        let (options, messages) = read([:])
        #expect(messages.isEmpty)
        #expect(options.bufferCountMax == 100)
        #expect(options.roomCountMax == 5)
        #expect(options.expiry == .seconds(1))
    }

    @Test func aNumberMayBeGivenForAnOptionalLimit() {
        #expect(read(["rooms_max": 7]).options.roomCountMax == 7)
        #expect(read(["expiry": "infinity"]).options.expiry == nil)
    }

    @Test(
        arguments: [
            ("buffer_max", 0, "expected an integer from 1 to 10000, found the integer 0"),
            ("buffer_max", 10_001, "expected an integer from 1 to 10000, found the integer 10001"),
            ("buffer_max", "many", "expected an integer from 1 to 10000, found the string \"many\""),
            ("buffer_max", "infinity", "expected an integer from 1 to 10000, found the string \"infinity\""),
            ("rooms_max", -1, "expected an integer that is at least 0, or \"infinity\", found the integer -1"),
            ("enabled", "true", "expected true or false, found the string \"true\""),
            ("name", 1, "expected a string, found the integer 1"),
            ("name", "", "must not be empty"),
            ("name", "12345678901", "is 11 bytes long, at most 10 are allowed"),
            ("title", true, "expected a string, found true"),
            ("strategies", "lru", "expected an array, each element one of \"fifo\", \"lru\", found the string \"lru\""),
            ("servers", [:], "expected an array, each element a string, found a table"),
            ("timeout", 1.5, "expected a number of seconds from 1 to 3600, found the number 1.5"),
            (
                "expiry", "never",
                "expected a number of milliseconds that is at least 0, or \"infinity\", found the string \"never\""
            ),
            ("ratio", 1.1, "expected a number from 0.0 to 1.0, found the number 1.1"),
            ("cache", "fifo", "expected a table, found the string \"fifo\""),
            ("caches", [:], "expected an array, each element a table, found a table"),
        ] as [(String, ConfigurationValue, String)])
    func aWrongValueIsNamedWithWhatIsAllowed(key: String, value: ConfigurationValue, message: String) {
        let written = ConfigurationTable([.init(key: key, at: .init(file: "t.toml", line: 7), value: value)])
        let (options, messages) = read(written)
        #expect(messages == ["t.toml:7: error: modules.mod_x.\(key): \(message)"])
        #expect(options.bufferCountMax == 100)
    }

    @Test func anElementOfAnArrayIsNamedByItsPlace() {
        let (options, messages) = read(table(["servers": ["a", 2, ""], "caches": [[:], ["strategi": "lru"]]]))
        #expect(options.servers == ["localhost"])
        #expect(
            messages == [
                "t.toml:1: error: modules.mod_x.servers[2]: expected a string, found the integer 2",
                "t.toml:1: error: modules.mod_x.servers[3]: expected a string, found the string \"\"",
                "code: error: modules.mod_x.caches[2].strategi: unknown key; did you mean \"strategy\"? "
                    + "(allowed: number_of_segments, strategy)",
            ])
    }

    @Test func allMistakesAreReportedTogether() {
        let (options, messages) = read(
            table([
                "bufer_max": 5, "enabled": 1, "zzz": 1, "name": "kept", "iqdisc": ["type": "parallel"], "a b": 1,
            ]))
        let all =
            "(allowed: buffer_max, cache, caches, enabled, expiry, iqdisc, name, ratio, rooms_max, servers, "
            + "strategies, timeout, title)"
        let plain = all.dropFirst().dropLast()
        #expect(options.name == "kept")
        #expect(
            messages == [
                "t.toml:2: error: modules.mod_x.enabled: expected true or false, found the integer 1",
                "t.toml:5: warning: modules.mod_x.iqdisc: not supported yet, it has no effect",
                "t.toml:1: error: modules.mod_x.bufer_max: unknown key; did you mean \"buffer_max\"? \(all)",
                "t.toml:3: error: modules.mod_x.zzz: unknown key; \(plain)",
                "t.toml:6: error: modules.mod_x.\"a b\": unknown key; \(plain)",
            ])
    }

    @Test func rulesThatSpanKeysAreTheModulesOwn() {
        let rejected = read(table(["buffer_max": 13, "enabled": true]))
        #expect(rejected.messages == ["t.toml:1: error: modules.mod_x.buffer_max: must not be 13 when enabled"])
        let stopped = read(table(["enabled": 3, "name": "stop"]))
        #expect(
            stopped.messages == [
                "t.toml:1: error: modules.mod_x.enabled: expected true or false, found the integer 3",
                "t.toml:2: error: modules.mod_x.name: stops the reading",
            ])
    }

    @Test func readingStopsAtTheMostErrorsOfATable() {
        struct Many: ModuleOptions {
            mutating func read(_ o: inout OptionReader) throws(OptionError) {
                for number in 1...1_000 { try o.require("key\(number)") }
            }
        }
        var diagnostics: [ConfigurationDiagnostic] = []
        _ = Many.reading([:], path: "modules.mod_x", diagnostics: &diagnostics)
        #expect(diagnostics.count == OptionReader.errorCountMax)
        #expect(diagnostics.first?.description == "code: error: modules.mod_x.key1: this key is required")
    }

    @Test func aSecretIsNotShownInAnError() {
        struct Secret: ModuleOptions {
            var password = ""
            mutating func read(_ o: inout OptionReader) throws(OptionError) {
                try o.read("password", into: &password)
            }
        }
        var diagnostics: [ConfigurationDiagnostic] = []
        _ = Secret.reading(["password": 123_456], path: "auth", diagnostics: &diagnostics)
        #expect(diagnostics.map(\.message) == ["expected a string, found something else"])
    }

    @Test func aModuleConfigurationThrowsAllItsErrors() throws {
        let good = ModuleConfiguration("mod_x", options: ["buffer_max": 5])
        #expect(try good.options(Options.self).bufferCountMax == 5)
        let bad = ModuleConfiguration("mod_x", options: ["buffer_max": 0, "enabled": 0])
        let error = #expect(throws: InvalidConfiguration.self) { try bad.options(Options.self) }
        #expect(error?.diagnostics.count == 2)
    }
}
