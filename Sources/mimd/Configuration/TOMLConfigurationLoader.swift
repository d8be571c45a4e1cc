// SPDX-License-Identifier: Apache-2.0
// From a TOML file to a configuration: a `mimd.toml`, or a `mongooseim.toml` as it is.

import Logging
import XMPPCore

/// Loads configurations.
enum TOMLConfigurationLoader {
    /// The configuration in the file at `path`. What keeps it from being read is among the diagnostics.
    static func load(path: String, catalogue: ModuleCatalogue = .standard) -> LoadedConfiguration {
        do throws(ConfigurationFile.Unreadable) {
            return load(text: try ConfigurationFile.text(at: path), file: path, catalogue: catalogue)
        } catch {
            return failed(path, [.init(.error, at: .init(file: path, line: 0), keyPath: "", error.reason)])
        }
    }

    /// The configuration in `text`, which is the content of `file`.
    static func load(text: String, file: String, catalogue: ModuleCatalogue = .standard) -> LoadedConfiguration {
        var diagnostics: [ConfigurationDiagnostic] = []
        do throws(InvalidConfiguration) {
            let table = try TOMLDocument.table(text, file: file, diagnostics: &diagnostics)
            var loaded = ConfigurationReader.load(table, file: file, catalogue: catalogue)
            loaded.diagnostics = diagnostics + loaded.diagnostics
            if loaded.hasErrors { loaded.server = nil }
            return loaded
        } catch {
            return failed(file, error.diagnostics)
        }
    }

    private static func failed(_ file: String, _ diagnostics: [ConfigurationDiagnostic]) -> LoadedConfiguration {
        LoadedConfiguration(file: file, server: nil, logLevel: .warning, diagnostics: diagnostics)
    }
}
