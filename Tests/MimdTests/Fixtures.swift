// SPDX-License-Identifier: Apache-2.0
// Files of the repository that tests read.

import Foundation

@testable import mimd

/// The text of a file in Fixtures.
func fixture(_ name: String) throws -> String {
    try repositoryText("Tests/MimdTests/Fixtures/\(name)")
}

/// The text of a file, named from the root of the repository.
func repositoryText(_ path: String) throws -> String {
    try ConfigurationFile.text(at: repositoryURL(path).path)
}

/// Where a file lies, named from the root of the repository.
func repositoryURL(_ path: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent(path)
}
