// SPDX-License-Identifier: Apache-2.0
// The text forms of SCRAM keys in MongooseIM's `users.pass_details` column (and its HTTP authentication): the one with
// a salt per hash function, and the older one with SHA-1 only.

extension SCRAMCredential {
    private static let multiplePrefix = "==MULTI_SCRAM==,"
    private static let legacyPrefix = "==SCRAM==,"

    /// How an entry of the first form starts. SHA-1 has three equals signs in front, the others two.
    private static func entryPrefix(_ hash: HashFunction) -> String {
        switch hash {
        case .sha1: "===SHA1==="
        case .sha224: "==SHA224=="
        case .sha256: "==SHA256=="
        case .sha384: "==SHA384=="
        case .sha512: "==SHA512=="
        }
    }

    /// Longest text read, in UTF-8 bytes: room for every hash function with the longest salt.
    public static let textByteCountMax = 16_384

    /// Reads either form. Entries for hash functions that are not known here are passed over, so that a row from a
    /// newer server still serves.
    ///
    /// - Throws: `.malformedText`, `.iterationCountOutOfRange`, `.keyLengthWrong`, `.noKeys`. The database causes them.
    public init(text: String) throws(StoredCredentialError) {
        guard text.utf8.count <= SCRAMCredential.textByteCountMax else { throw .malformedText }
        // Bytes, for characters would cost more here than all else of a log-in.
        let bytes = Array(text.utf8)
        if bytes.starts(with: SCRAMCredential.multiplePrefix.utf8) {
            try self.init(multiple: bytes.dropFirst(SCRAMCredential.multiplePrefix.utf8.count))
        } else if bytes.starts(with: SCRAMCredential.legacyPrefix.utf8) {
            try self.init(legacy: bytes.dropFirst(SCRAMCredential.legacyPrefix.utf8.count))
        } else {
            throw .malformedText
        }
    }

    private static func split(_ text: ArraySlice<UInt8>, at separator: Unicode.Scalar) -> [ArraySlice<UInt8>] {
        text.split(separator: UInt8(ascii: separator), omittingEmptySubsequences: false)
    }

    /// `<iterations>,===SHA1===<salt>|<stored>|<server>,==SHA224==…`
    private init(multiple text: ArraySlice<UInt8>) throws(StoredCredentialError) {
        let fields = SCRAMCredential.split(text, at: ",")
        guard fields.count >= 2 else { throw .malformedText }
        var keysByHash: [HashFunction: Keys] = [:]
        for field in fields.dropFirst() {
            let known = HashFunction.allCases.first { field.starts(with: SCRAMCredential.entryPrefix($0).utf8) }
            guard let hash = known else {
                guard field.starts(with: "==".utf8) else { throw .malformedText }
                continue
            }
            let entry = field.dropFirst(SCRAMCredential.entryPrefix(hash).utf8.count)
            let parts = SCRAMCredential.split(entry, at: "|")
            guard parts.count == 3, keysByHash[hash] == nil else { throw .malformedText }
            keysByHash[hash] = try SCRAMCredential.keys(salt: parts[0], stored: parts[1], server: parts[2])
        }
        try self.init(iterationCount: try SCRAMCredential.iterationCount(fields[0]), keys: keysByHash)
    }

    /// `<stored>,<server>,<salt>,<iterations>`, SHA-1.
    private init(legacy text: ArraySlice<UInt8>) throws(StoredCredentialError) {
        let fields = SCRAMCredential.split(text, at: ",")
        guard fields.count == 4 else { throw .malformedText }
        let keys = try SCRAMCredential.keys(salt: fields[2], stored: fields[0], server: fields[1])
        try self.init(iterationCount: try SCRAMCredential.iterationCount(fields[3]), keys: [.sha1: keys])
    }

    private static func iterationCount(_ text: ArraySlice<UInt8>) throws(StoredCredentialError) -> Int {
        // Int's own parser would take a sign.
        guard text.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), !text.isEmpty else {
            throw .malformedText
        }
        guard let count = Int(String(decoding: text, as: UTF8.self)) else { throw .iterationCountOutOfRange }
        return count
    }

    private static func keys(
        salt: ArraySlice<UInt8>, stored: ArraySlice<UInt8>, server: ArraySlice<UInt8>
    ) throws(StoredCredentialError) -> Keys {
        guard let salt = Base64.decode(salt), let stored = Base64.decode(stored), let server = Base64.decode(server)
        else { throw .malformedText }
        return Keys(salt: salt, storedKey: stored, serverKey: server)
    }

    /// The form that is written: `==MULTI_SCRAM==,<iterations>,===SHA1===<salt>|<stored>|<server>,==SHA224==…`. Secret.
    public var text: String {
        let entries = hashes.compactMap { hash in
            self[hash].map { keys in
                SCRAMCredential.entryPrefix(hash)
                    + [keys.salt, keys.storedKey, keys.serverKey].map(Base64.encodeToString).joined(separator: "|")
            }
        }
        return SCRAMCredential.multiplePrefix + ([String(iterationCount)] + entries).joined(separator: ",")
    }

    /// The older form `==SCRAM==,<stored>,<server>,<salt>,<iterations>`, or nil without SHA-1 keys. Secret.
    public var legacyText: String? {
        self[.sha1].map { keys in
            let parts = [keys.storedKey, keys.serverKey, keys.salt].map(Base64.encodeToString)
            return SCRAMCredential.legacyPrefix + (parts + [String(iterationCount)]).joined(separator: ",")
        }
    }
}
