// SPDX-License-Identifier: Apache-2.0
// A certificate for trying things out on one machine.

import COpenSSL
import Glibc

/// Makes certificates that nobody has signed but their own key.
public enum SelfSignedCertificate {
    /// How long a certificate is valid.
    public static let validDayCount = 365

    /// Writes a new P-256 key and a certificate for domains into one PEM file that only its owner may read.
    ///
    /// - Parameter domains: one or more; they become the certificate's DNS names (RFC 6125).
    /// - Throws: ``TLSError`` when OpenSSL fails or the file cannot be written.
    public static func write(for domains: [String], to path: String) throws(TLSError) {
        guard let key = mimd_p256_key() else { throw TLSError("cannot make a key") }
        defer { EVP_PKEY_free(key) }
        guard let certificate = X509_new() else { throw TLSError("cannot make a certificate") }
        defer { X509_free(certificate) }
        guard fill(certificate, key, domains) else { throw TLSError("cannot make a certificate") }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0, let file = fdopen(descriptor, "w") else {
            throw TLSError("cannot write the certificate", path: path, reason: String(cString: strerror(errno)))
        }
        let isWritten =
            PEM_write_X509(file, certificate) == 1
            && PEM_write_PrivateKey(file, key, nil, nil, 0, nil, nil) == 1
        guard fclose(file) == 0, isWritten else { throw TLSError("cannot write the certificate", path: path) }
    }

    /// Whether the PEM file at `path` has a certificate for all of `domains` and its key, and stays valid long enough.
    ///
    /// - Parameters:
    ///   - domains: what clients may connect to (RFC 6125).
    ///   - rest: how long from now the certificate must be valid.
    /// - Returns: false also when the file is missing or cannot be read.
    public static func isFit(at path: String, for domains: [String], lasting rest: Duration) -> Bool {
        // What OpenSSL says of a file that is no certificate is not to be taken for a later error of a connection.
        defer { ERR_clear_error() }
        guard let file = fopen(path, "re") else { return false }
        defer { fclose(file) }
        guard let certificate = PEM_read_X509(file, nil, nil, nil) else { return false }
        defer { X509_free(certificate) }
        guard let key = PEM_read_PrivateKey(file, nil, nil, nil) else { return false }
        defer { EVP_PKEY_free(key) }
        guard X509_check_private_key(certificate, key) == 1 else { return false }
        let (end, overflow) = Int64(time(nil)).addingReportingOverflow(rest.components.seconds)
        var last = time_t(end)
        // 1: the end of the certificate's validity is later; 0 would be an error.
        guard !overflow, X509_cmp_time(X509_get0_notAfter(certificate), &last) == 1 else { return false }
        return domains.allSatisfy { X509_check_host(certificate, $0, $0.utf8.count, 0, nil) == 1 }
    }

    private static func fill(_ certificate: OpaquePointer, _ key: OpaquePointer, _ domains: [String]) -> Bool {
        var generator = SystemRandomNumberGenerator()
        let serial = generator.next() >> 1
        guard X509_set_version(certificate, 2) == 1,  // 2 means version 3
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1,
            X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != nil,
            X509_time_adj_ex(X509_getm_notAfter(certificate), Int32(validDayCount), 0, nil) != nil,
            X509_set_pubkey(certificate, key) == 1,
            let name = X509_get_subject_name(certificate)
        else { return false }
        let common = Array((domains.first ?? "localhost").utf8.prefix(64))  // RFC 5280 upper bound of a common name
        guard X509_NAME_add_entry_by_txt(name, "CN", MIMD_MBSTRING_UTF8, common, Int32(common.count), -1, 0) == 1,
            X509_set_issuer_name(certificate, name) == 1
        else { return false }
        let names = domains.map { "DNS:\($0)" }.joined(separator: ",")
        guard let extensionValue = X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, names) else { return false }
        defer { X509_EXTENSION_free(extensionValue) }
        return X509_add_ext(certificate, extensionValue, -1) == 1 && X509_sign(certificate, key, EVP_sha256()) > 0
    }
}
