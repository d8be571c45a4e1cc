// SPDX-License-Identifier: Apache-2.0
// What it takes to reach a PostgreSQL server, in libpq's words.

import XMPPPersistenceSQL

extension DatabaseSettings {
    /// libpq's keywords and values.
    ///
    /// - Parameter address: of the host, so that libpq, which would wait for it, looks nothing up; nil for a socket.
    func parameters(address: String?) -> [(String, String)] {
        var parameters = [
            ("host", host), ("port", "\(port)"), ("dbname", database), ("user", username), ("client_encoding", "UTF8"),
            ("application_name", "mimd"), ("gssencmode", "disable"),
        ]
        if let address { parameters.append(("hostaddr", address)) }
        if let password { parameters.append(("password", password)) }
        guard let tls else { return parameters + [("sslmode", "disable")] }
        let mode =
            switch tls.verification {
            case .none: tls.isRequired ? "require" : "prefer"
            case .authority: "verify-ca"
            case .hostName: "verify-full"
            }
        parameters.append(("sslmode", mode))
        let files = [
            ("sslrootcert", tls.authorityPath), ("sslcert", tls.certificatePath), ("sslkey", tls.keyPath),
            ("sslpassword", tls.keyPassword),
        ]
        for case (let keyword, let value?) in files { parameters.append((keyword, value)) }
        return parameters
    }
}
