// SPDX-License-Identifier: Apache-2.0
// What disco#info says of an entity (XEP-0030 2.5.0, with the forms of XEP-0128 1.0.1), and the verification string of
// entity capabilities (XEP-0115 1.6.0), which is made of it.

/// Identities, features and forms of an entity.
public struct DiscoInfo: Sendable, Equatable {
    /// What the entity is.
    public var identities: [DiscoIdentity]
    /// What it can do: the values of the attribute 'var' of `<feature/>`.
    public var features: Set<String>
    /// Forms with what else it tells (XEP-0128).
    public var forms: [DiscoForm]

    /// Makes the information; empty unless told otherwise.
    public init(identities: [DiscoIdentity] = [], features: Set<String> = [], forms: [DiscoForm] = []) {
        self.identities = identities
        self.features = features
        self.forms = forms
    }

    /// The name under which entity capabilities ask for this version of the information: `node#ver` (XEP-0115 section
    /// 6.2).
    public var capabilitiesNode: String { "\(Self.softwareNode)#\(verificationString)" }

    /// What names the software in entity capabilities (XEP-0115 section 4).
    public static let softwareNode = "mimd"

    /// The verification string by SHA-1 (XEP-0115 section 5.1).
    public var verificationString: String {
        do throws(CryptoError) {
            return Base64.encodeToString(try Crypto.digest(Array(verificationInput.utf8), using: .sha1))
        } catch {
            // An OpenSSL without SHA-1 cannot serve SCRAM-SHA-1 either; a string that matches nothing is ignored.
            return ""
        }
    }

    /// The text that is hashed. The collation is that of bytes.
    var verificationInput: String {
        var input = ""
        let identities = identities.sorted {
            Self.precedes([$0.category, $0.type, $0.language ?? ""], [$1.category, $1.type, $1.language ?? ""])
        }
        for identity in identities {
            input += "\(identity.category)/\(identity.type)/\(identity.language ?? "")/\(identity.name ?? "")<"
        }
        for feature in features.sorted(by: Self.precedes) { input += feature + "<" }
        for form in forms.sorted(by: { Self.precedes($0.type, $1.type) }) {
            input += form.type + "<"
            for field in form.fields.sorted(by: { Self.precedes($0.name, $1.name) }) {
                input += field.name + "<"
                for value in field.values.sorted(by: Self.precedes) { input += value + "<" }
            }
        }
        return input
    }

    /// The `<query/>` that answers disco#info.
    ///
    /// - Parameter node: what the question named, which the answer repeats (XEP-0030 section 3.2); nil for nothing.
    public func element(node: String?) -> Element {
        Element("query", .discoInfo, ["node": node]) {
            for identity in identities { identity.element }
            for feature in features.sorted(by: Self.precedes) { Element("feature", .discoInfo, ["var": feature]) }
            for form in forms { form.element }
        }
    }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }

    private static func precedes(_ left: [String], _ right: [String]) -> Bool {
        guard let (first, second) = zip(left, right).first(where: { $0 != $1 }) else { return false }
        return precedes(first, second)
    }
}

extension DiscoIdentity {
    fileprivate var element: Element {
        var builder = ElementBuilder()
        builder.open("identity", .discoInfo)
        builder.attribute("lang", language, .xml)
        builder.attribute("category", category)
        builder.attribute("type", type)
        builder.attribute("name", name)
        builder.close()
        return builder.finish()
    }
}

/// A form that adds to disco#info (XEP-0128).
public struct DiscoForm: Sendable, Hashable {
    /// A field of the form.
    public struct Field: Sendable, Hashable {
        /// The attribute 'var'.
        public var name: String
        /// The contents of its `<value/>` elements, in order.
        public var values: [String]

        /// Makes a field.
        public init(_ name: String, _ values: [String]) {
            self.name = name
            self.values = values
        }
    }

    /// The value of the field FORM_TYPE (XEP-0068).
    public var type: String
    /// The fields but FORM_TYPE.
    public var fields: [Field]

    /// Makes a form; `fields` are those but FORM_TYPE.
    public init(type: Namespace, fields: [Field]) {
        self.type = type.uri
        self.fields = fields
    }

    fileprivate var element: Element {
        Element("x", .dataForms, ["type": "result"]) {
            Element("field", .dataForms, ["var": "FORM_TYPE", "type": "hidden"]) {
                Element("value", .dataForms) { type }
            }
            for field in fields {
                Element("field", .dataForms, ["var": field.name]) {
                    for value in field.values { Element("value", .dataForms) { value } }
                }
            }
        }
    }
}

extension Namespace {
    /// Service discovery of identities and features (XEP-0030).
    public static let discoInfo: Namespace = "http://jabber.org/protocol/disco#info"
    /// Data forms (XEP-0004).
    public static let dataForms: Namespace = "jabber:x:data"
}
