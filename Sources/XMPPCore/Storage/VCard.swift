// SPDX-License-Identifier: Apache-2.0
// A vCard (XEP-0054 1.3.0) as stores keep it: the XML, and the texts in it that it is found by.

/// What a vCard is found by. The raw value is the column's name in MongooseIM's table `vcard_search`.
public enum VCardField: String, Hashable, Sendable, CaseIterable {
    /// The localpart of the account, which is not in the vCard.
    case localpart = "username"
    /// `<FN/>`.
    case fullName = "fn"
    /// `<N><FAMILY/></N>`.
    case familyName = "family"
    /// `<N><GIVEN/></N>`.
    case givenName = "given"
    /// `<N><MIDDLE/></N>`.
    case middleName = "middle"
    /// `<NICKNAME/>`.
    case nickname
    /// `<BDAY/>`.
    case birthday = "bday"
    /// `<ADR><CTRY/></ADR>`.
    case country = "ctry"
    /// `<ADR><LOCALITY/></ADR>`.
    case locality
    /// `<EMAIL><USERID/></EMAIL>`.
    case email
    /// `<ORG><ORGNAME/></ORG>`.
    case organization = "orgname"
    /// `<ORG><ORGUNIT/></ORG>`.
    case organizationUnit = "orgunit"

    /// The names of the elements that lead to its text.
    fileprivate var path: [String] {
        switch self {
        case .localpart: []
        case .fullName: ["FN"]
        case .familyName: ["N", "FAMILY"]
        case .givenName: ["N", "GIVEN"]
        case .middleName: ["N", "MIDDLE"]
        case .nickname: ["NICKNAME"]
        case .birthday: ["BDAY"]
        case .country: ["ADR", "CTRY"]
        case .locality: ["ADR", "LOCALITY"]
        case .email: ["EMAIL", "USERID"]
        case .organization: ["ORG", "ORGNAME"]
        case .organizationUnit: ["ORG", "ORGUNIT"]
        }
    }
}

/// A vCard to be stored.
public struct VCard: Hashable, Sendable {
    /// The `<vCard/>` element as XML, in UTF-8.
    public let xml: [UInt8]
    /// The first text of each field, without white space at its ends and cut to ``textCharacterCountMax``; a field
    /// without text is left out, and so is ``VCardField/localpart``.
    public let texts: [VCardField: String]

    /// Most Unicode scalars of a field that are looked at: what fits into a key of every database. The vCard itself
    /// keeps all.
    public static let textCharacterCountMax = 250

    /// Takes a `<vCard/>` element.
    public init(_ element: Element) {
        self.init(xml: Array(element.xml.utf8), of: element)
    }

    /// Takes the XML of a `<vCard/>` element as a store has it. What is no XML is found by nothing.
    public init(xml: [UInt8]) {
        self.init(xml: xml, of: Element(parsing: xml))
    }

    private init(xml: [UInt8], of element: Element?) {
        self.xml = xml
        var texts: [VCardField: String] = [:]
        for field in VCardField.allCases where !field.path.isEmpty {
            guard let text = element.flatMap({ Self.text(at: field.path[...], in: $0) }) else { continue }
            texts[field] = text
        }
        self.texts = texts
    }

    /// The first text there that is not empty: there may be several addresses, and the first need not have a country.
    private static func text(at path: ArraySlice<String>, in element: Element) -> String? {
        guard let name = path.first else {
            let text = cut(element.text.trimmingXMLSpace())
            return text.isEmpty ? nil : text
        }
        for child in element.children where child.name == name && child.namespace == element.namespace {
            if let text = text(at: path.dropFirst(), in: child) { return text }
        }
        return nil
    }

    /// What texts are compared by: the same for two that differ in case only. Cut as ``texts`` are.
    public static func searchKey(_ text: String) -> String { cut(text.lowercased()) }

    private static func cut(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(textCharacterCountMax)))
    }
}
