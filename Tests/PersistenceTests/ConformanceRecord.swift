// SPDX-License-Identifier: Apache-2.0
// What became of each check on each backend, for scripts/conformance-matrix.sh.

import Foundation

/// Appends a line to the file that `MIMD_CONFORMANCE_RECORD` names, if there is one, for each check that ran: the backend,
/// the store's protocol, the check, and `ok` or `failed`, with tabs between. A backend is named first of all, whether it
/// is there or not.
enum ConformanceRecord {
    private static let file: FileHandle? = {
        guard let path = ProcessInfo.processInfo.environment["MIMD_CONFORMANCE_RECORD"] else { return nil }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        guard descriptor >= 0 else { return nil }
        let file = FileHandle(fileDescriptor: descriptor)
        file.write(Data(Backend.allCases.map { "\($0)\n" }.joined().utf8))
        return file
    }()

    static func note(
        _ check: String, of store: String, on backend: Backend, _ body: () async throws -> Void
    ) async throws {
        let result = await Result { try await body() }
        let outcome = if case .success = result { "ok" } else { "failed" }
        let kind = store.replacing("any ", with: "")
        // One write of a file that is open for appending: lines of several threads do not mix.
        file?.write(Data("\(backend)\t\(kind)\t\(check)\t\(outcome)\n".utf8))
        try result.get()
    }
}
