// SPDX-License-Identifier: Apache-2.0
// What OpenSSL says went wrong.

import COpenSSL
import Glibc

/// A TLS set-up that cannot work: the fault of the configuration or of a file that it names.
public struct TLSError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was tried.
    public let operation: String
    /// The file that it was tried with; nil when it was none.
    public let path: String?
    /// What OpenSSL or the system says.
    public let reason: String

    /// Takes the reason from OpenSSL's queue of errors.
    init(_ operation: String, path: String? = nil) {
        self.operation = operation
        self.path = path
        reason = Self.takeReason()
    }

    init(_ operation: String, path: String? = nil, reason: String) {
        self.operation = operation
        self.path = path
        self.reason = reason
    }

    /// What was tried, with which file, and the reason.
    public var description: String { "\(operation)\(path.map { " \($0)" } ?? ""): \(reason)" }

    /// Empties the thread's queue of errors and returns the first.
    static func takeReason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "no reason given" }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let base = buffer.baseAddress else { return "no reason given" }
            ERR_error_string_n(code, base, buffer.count)
            return String(cString: base)
        }
    }
}
