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

    /// Bytes of a text: characters would cost more here than all else of a log-in.
    private typealias Bytes = UnsafeBufferPointer<UInt8>

    /// Reads either form. Entries for hash functions that are not known here are passed over, so that a row from a
    /// newer server still serves.
    ///
    /// - Parameter wanted: the only hash function whose keys are read, which costs a fifth of reading all, if there are
    ///   some of it; nil, or one without keys, reads all.
    /// - Throws: `.malformedText`, `.iterationCountOutOfRange`, `.keyLengthWrong`, `.noKeys`. The database causes them.
    public init(text: String, for wanted: HashFunction? = nil) throws(StoredCredentialError) {
        guard text.utf8.count <= SCRAMCredential.textByteCountMax else { throw .malformedText }
        var text = text
        // withUTF8 does not say which errors it throws on.
        let credential = text.withUTF8 { bytes in
            Result { () throws(StoredCredentialError) in try SCRAMCredential(bytes: bytes, for: wanted) }
        }
        self = try credential.get()
    }

    private init(bytes: Bytes, for wanted: HashFunction?) throws(StoredCredentialError) {
        if let rest = bytes.after(SCRAMCredential.multiplePrefix) {
            try self.init(multiple: rest.split(at: ","), for: wanted)
        } else if let rest = bytes.after(SCRAMCredential.legacyPrefix) {
            try self.init(legacy: rest)
        } else {
            throw .malformedText
        }
    }

    /// `<iterations>,===SHA1===<salt>|<stored>|<server>,==SHA224==…`
    private init(multiple fields: [Bytes], for wanted: HashFunction?) throws(StoredCredentialError) {
        guard fields.count >= 2 else { throw .malformedText }
        var keysByHash: [HashFunction: Keys] = [:]
        for field in fields.dropFirst() {
            guard let (hash, entry) = SCRAMCredential.entry(field) else {
                guard field.after("==") != nil else { throw .malformedText }
                continue
            }
            if let wanted, hash != wanted { continue }
            let parts = entry.split(at: "|")
            guard parts.count == 3, keysByHash[hash] == nil else { throw .malformedText }
            keysByHash[hash] = try SCRAMCredential.keys(salt: parts[0], stored: parts[1], server: parts[2])
        }
        if keysByHash.isEmpty, wanted != nil {
            try self.init(multiple: fields, for: nil)
        } else {
            try self.init(iterationCount: try SCRAMCredential.iterationCount(fields[0]), keys: keysByHash)
        }
    }

    /// The hash function that a field is for, and what follows; nil when it is none that is known.
    private static func entry(_ field: Bytes) -> (HashFunction, Bytes)? {
        for hash in HashFunction.allCases {
            if let rest = field.after(entryPrefix(hash)) { return (hash, rest) }
        }
        return nil
    }

    /// `<stored>,<server>,<salt>,<iterations>`, SHA-1.
    private init(legacy text: Bytes) throws(StoredCredentialError) {
        let fields = text.split(at: ",")
        guard fields.count == 4 else { throw .malformedText }
        let keys = try SCRAMCredential.keys(salt: fields[2], stored: fields[0], server: fields[1])
        try self.init(iterationCount: try SCRAMCredential.iterationCount(fields[3]), keys: [.sha1: keys])
    }

    private static func iterationCount(_ text: Bytes) throws(StoredCredentialError) -> Int {
        // Int's own parser would take a sign.
        guard text.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), !text.isEmpty else {
            throw .malformedText
        }
        guard let count = Int(String(decoding: text, as: UTF8.self)) else { throw .iterationCountOutOfRange }
        return count
    }

    private static func keys(salt: Bytes, stored: Bytes, server: Bytes) throws(StoredCredentialError) -> Keys {
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

extension UnsafeBufferPointer<UInt8> {
    /// What follows a prefix; nil when there is another.
    fileprivate func after(_ prefix: String) -> Self? {
        var prefix = prefix
        return prefix.withUTF8 { prefix in
            guard count >= prefix.count, prefix.indices.allSatisfy({ self[$0] == prefix[$0] }) else { return nil }
            return UnsafeBufferPointer(rebasing: self[prefix.count...])
        }
    }

    /// The parts between separators, empty ones too.
    fileprivate func split(at separator: Unicode.Scalar) -> [Self] {
        let separator = UInt8(ascii: separator)
        var parts: [Self] = []
        var start = 0
        for index in indices where self[index] == separator {
            parts.append(UnsafeBufferPointer(rebasing: self[start..<index]))
            start = index + 1
        }
        parts.append(UnsafeBufferPointer(rebasing: self[start...]))
        return parts
    }
}
