// SPDX-License-Identifier: Apache-2.0
// Where backends are required, a missing one is a failure, not a skip.

import Foundation
import Testing

private let environment = ProcessInfo.processInfo.environment
private let requiredNames = (environment["MIMD_REQUIRE_BACKENDS"] ?? "").split(separator: " ").map(String.init)

/// `MIMD_REQUIRE_BACKENDS` names the backends, with spaces between them, of which a missing one is a failure, not a skip.
@Suite struct RequiredBackendTests {
    @Test(arguments: requiredNames) func isThere(_ name: String) {
        let variable = "MIMD_TEST_\(name.uppercased())"
        #expect(environment[variable] != nil)
        // One that no test of the stores uses need only be named.
        guard let backend = Backend.allCases.first(where: { $0.description.lowercased() == name }) else { return }
        #expect(Backend.available.contains(backend))
        // MySQL's own certificate does not name its host.
        if backend != .mySQL { #expect(environment[variable + "_CERTIFICATE"] != nil) }
    }
}
