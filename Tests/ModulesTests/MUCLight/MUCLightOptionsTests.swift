// SPDX-License-Identifier: Apache-2.0
// The options of mod_muc_light: every key of MongooseIM's, and what is wrong with them.

import Testing
import XMPPCore

@testable import XMPPModules

struct MUCLightOptionsTests {
    private static func read(_ table: ConfigurationTable) -> (MUCLight.Options, [String]) {
        var diagnostics: [ConfigurationDiagnostic] = []
        let options = MUCLight.Options.reading(table, path: "modules.mod_muc_light", diagnostics: &diagnostics)
        return (options, diagnostics.map { "\($0.severity) \($0.keyPath): \($0.message)" })
    }

    private static func table(_ entries: KeyValuePairs<String, ConfigurationValue>) -> ConfigurationTable {
        ConfigurationTable(entries.map { .init(key: $0.key, value: $0.value) })
    }

    @Test func defaultsAreMongooseIMs() {
        let (options, diagnostics) = Self.read(ConfigurationTable())
        #expect(diagnostics == [])
        #expect(options.domain == "muclight.@HOST@")
        #expect(!options.hasEqualOccupants && !options.allowsManyOwners && options.promotesWhenLastOwnerLeaves)
        #expect(!options.everybodyConfigures && !options.everybodyInvites && !options.listsRoomsInRosters)
        #expect(options.roomCountMax == nil && options.occupantCountMax == nil && options.pageRoomCountMax == 10)
        #expect(options.allowsBlocking && options.roomLifetime == nil)
        #expect(options.schema.fields.map(\.name) == ["roomname", "subject"])
        #expect(options.schema.fields.map(\.initial) == ["Untitled", ""])
    }

    @Test func everyKeyIsRead() {
        let (options, diagnostics) = Self.read(
            Self.table([
                "host": "group.@HOST@", "equal_occupants": true, "allow_multiple_owners": true,
                "promote_on_last_owner_leave": false, "all_can_configure": true, "all_can_invite": true,
                "rooms_per_user": 5, "max_occupants": 50, "rooms_per_page": "infinity", "rooms_in_rosters": true,
                "blocking": false,
                "cache_affs": ["strategy": "segmented_lru", "time_to_live": 3, "number_of_segments": 2],
                "config_schema": [
                    ["field": "roomname", "string_value": "The room"],
                    ["field": "display-lines", "integer_value": 30, "internal_key": "display_lines"],
                    ["field": "ratio", "float_value": 0.5], ["field": "open", "boolean_value": true],
                ],
            ]))
        #expect(diagnostics == [])
        #expect(options.domain == "group.@HOST@")
        #expect(options.hasEqualOccupants && options.allowsManyOwners && !options.promotesWhenLastOwnerLeaves)
        #expect(options.everybodyConfigures && options.everybodyInvites && options.listsRoomsInRosters)
        #expect(options.roomCountMax == 5 && options.occupantCountMax == 50 && options.pageRoomCountMax == nil)
        #expect(!options.allowsBlocking && options.roomLifetime == .seconds(180))
        #expect(
            options.schema.fields == [
                .init("roomname", initial: "The room"),
                .init("display-lines", key: "display_lines", .integer, initial: "30"),
                .init("ratio", .float, initial: "0.5"), .init("open", .boolean, initial: "true"),
            ])
    }

    @Test func cachesWithoutALifetimeHaveMongooseIMs() {
        let (options, diagnostics) = Self.read(Self.table(["cache_affs": [:]]))
        #expect(diagnostics == [])
        #expect(options.roomLifetime == .seconds(120))
        #expect(Self.read(Self.table(["cache_affs": ["time_to_live": "infinity"]])).0.roomLifetime == nil)
    }

    static let mistakes: [(key: String, value: ConfigurationValue, expected: String)] = [
        ("host", "@", "host: \"@\" is no domain"),
        ("rooms_per_user", 0, "rooms_per_user: expected an integer that is at least 1"),
        ("max_occupants", 10_001, "max_occupants: expected an integer from 1 to 10000"),
        ("rooms_per_page", "many", "rooms_per_page: expected an integer that is at least 1"),
        ("room_per_page", 1, "room_per_page: unknown key; "),
        ("cache_affs", ["strategy": "lru"], "cache_affs.strategy: expected one of \"fifo\", \"segmented_lru\""),
        ("cache_affs", ["time_to_live": 0], "cache_affs.time_to_live: expected a number of minutes"),
        ("config_schema", [["string_value": "a"]], "config_schema[1].field: this key is required"),
        ("config_schema", [["field": "a"]], "config_schema[1].field: needs exactly one of \"string_value\""),
        (
            "config_schema", [["field": "a", "string_value": "", "integer_value": 1]],
            "config_schema[1].field: needs exactly one of"
        ),
        ("config_schema", [["field": "version", "string_value": ""]], "config_schema[1].field: \"version\" means"),
        (
            "config_schema", [["field": "prev-version", "string_value": ""]],
            "config_schema[1].field: \"prev-version\" means"
        ),
        (
            "config_schema", [["field": "a b", "string_value": ""]],
            "config_schema[1].field: \"a b\" cannot be the name"
        ),
        ("config_schema", [["field": "1a", "string_value": ""]], "config_schema[1].field: \"1a\" cannot be the name"),
        (
            "config_schema", [["field": "a", "integer_value": "1"]],
            "config_schema[1].integer_value: expected an integer"
        ),
        (
            "config_schema", [["field": "a", "string_value": ""], ["field": "a", "string_value": ""]],
            "config_schema: has the field \"a\" twice"
        ),
        (
            "config_schema",
            [["field": "a", "string_value": ""], ["field": "b", "string_value": "", "internal_key": "a"]],
            "config_schema: has the key \"a\" twice"
        ),
        (
            "config_schema", [["field": "a", "string_value": "", "internal_key": "all_can_invite"]],
            "config_schema: \"all_can_invite\" is true or false"
        ),
    ]

    @Test(arguments: mistakes)
    func mistakesAreNamed(key: String, value: ConfigurationValue, expected: String) {
        let (_, diagnostics) = Self.read(Self.table([key: value]))
        #expect(diagnostics.contains { $0.contains(expected) }, "\(diagnostics)")
    }

    @Test func legacyModeIsWarnedOf() {
        let (_, diagnostics) = Self.read(Self.table(["legacy_mode": true]))
        #expect(diagnostics == ["warning modules.mod_muc_light.legacy_mode: rooms of XEP-0045 are mod_muc's"])
    }
}
