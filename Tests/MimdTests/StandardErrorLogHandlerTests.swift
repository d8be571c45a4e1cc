// SPDX-License-Identifier: Apache-2.0
// The lines that mimd writes to its log.

import Glibc
import Logging
import Testing

@testable import mimd

@Suite struct StandardErrorLogHandlerTests {
    @Test(
        arguments: [
            ("listening", [:], "listening"),
            ("listening", ["port": "5222", "address": "::1"], "listening address=::1 port=5222"),
            ("two words", ["a": "b c", "d": ""], "two words a=\"b c\" d=\"\""),
            ("m", ["q": "say \"x\"", "b": "a\\b c", "e": "a=b"], "m b=\"a\\\\b c\" e=\"a=b\" q=\"say \\\"x\\\"\""),
            ("in\njected", ["k": "a\nb\u{1B}[2J"], "in\\njected k=\"a\\nb\\u{1b}[2J\""),
            ("m", ["u": "M\u{FC}nchen", "l": "a\u{2028}b"], "m l=\"a\\u{2028}b\" u=M\u{FC}nchen"),
        ] as [(String, [String: String], String)])
    func anEventIsOneLine(message: String, metadata: [String: String], expected: String) {
        let line = StandardErrorLogHandler.line(
            at: timespec(tv_sec: 1_767_225_599, tv_nsec: 7_000_000), .notice, message,
            metadata.mapValues { .string($0) })
        #expect(line == "2025-12-31T23:59:59.007Z notice \(expected)\n")
    }
}
