// SPDX-License-Identifier: Apache-2.0
// Standard error, for whoever runs a command. Not here: the log (StandardErrorLogHandler).

import Glibc

/// Standard error of a command.
enum StandardError {
    /// Writes text as it is. When nobody reads it, nobody is left to be told.
    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            start += count
        }
    }
}
