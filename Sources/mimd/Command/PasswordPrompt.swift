// SPDX-License-Identifier: Apache-2.0
// A password from standard input: typed unseen at a terminal, or the first line of what another program writes.

import Glibc

/// Reads a password from standard input.
enum PasswordPrompt {
    /// The terminal as it was. Written before the handlers that read it are installed, and not again while they are.
    private nonisolated(unsafe) static var original = termios()
    /// What ends a program at a terminal.
    private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

    /// The first line of standard input.
    ///
    /// - Throws: `SetUpError` when there is none, or it is empty.
    static func read() throws(SetUpError) -> String {
        let line = isatty(STDIN_FILENO) == 1 ? readUnseen() : readLine(strippingNewline: true)
        guard let line, !line.isEmpty else { throw SetUpError("there is no password on standard input") }
        return line
    }

    /// A line that the terminal does not show; nil at the end of the input.
    private static func readUnseen() -> String? {
        StandardError.write("Password: ")
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return readLine(strippingNewline: true) }
        original = settings
        let before = signals.map { signal in
            // Only calls that POSIX allows in a handler: the terminal must not stay mute behind a program that ended.
            (
                signal,
                Glibc.signal(signal) { number in
                    PasswordPrompt.restore()
                    _exit(128 + number)
                }
            )
        }
        settings.c_lflag &= ~tcflag_t(ECHO)
        settings.c_lflag |= tcflag_t(ECHONL)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
        let line = readLine(strippingNewline: true)
        restore()
        for (number, handler) in before { signal(number, handler) }
        return line
    }

    private static func restore() {
        var settings = original
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
    }
}
