/// A resource record TYPE or QTYPE (IANA "Resource Record (RR) TYPEs").
package struct RecordType: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    package let rawValue: UInt16

    @inlinable package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let a = RecordType(rawValue: 1)
    package static let ns = RecordType(rawValue: 2)
    package static let cname = RecordType(rawValue: 5)
    package static let soa = RecordType(rawValue: 6)
    package static let ptr = RecordType(rawValue: 12)
    package static let hinfo = RecordType(rawValue: 13)
    package static let mx = RecordType(rawValue: 15)
    package static let txt = RecordType(rawValue: 16)
    package static let aaaa = RecordType(rawValue: 28)
    package static let srv = RecordType(rawValue: 33)
    package static let naptr = RecordType(rawValue: 35)
    package static let dname = RecordType(rawValue: 39)
    package static let opt = RecordType(rawValue: 41)
    package static let ds = RecordType(rawValue: 43)
    package static let rrsig = RecordType(rawValue: 46)
    package static let nsec = RecordType(rawValue: 47)
    package static let dnskey = RecordType(rawValue: 48)
    package static let nsec3 = RecordType(rawValue: 50)
    package static let svcb = RecordType(rawValue: 64)
    package static let https = RecordType(rawValue: 65)
    package static let tkey = RecordType(rawValue: 249)
    package static let tsig = RecordType(rawValue: 250)
    package static let ixfr = RecordType(rawValue: 251)
    package static let axfr = RecordType(rawValue: 252)
    package static let any = RecordType(rawValue: 255)
    package static let caa = RecordType(rawValue: 257)

    /// True for types of which no records exist: OPT, and those that stand in questions only (RFC 6895 §3.1).
    package var isQuestionOnly: Bool { self == .opt || (128...255).contains(rawValue) || rawValue == 0 }
}

extension RecordType: CustomStringConvertible {
    /// Types with names as logs and metrics print them.
    private static let names: [UInt16: String] = [
        1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 11: "WKS", 12: "PTR", 13: "HINFO", 14: "MINFO", 15: "MX", 16: "TXT",
        17: "RP", 18: "AFSDB", 24: "SIG", 25: "KEY", 28: "AAAA", 29: "LOC", 33: "SRV", 35: "NAPTR", 36: "KX",
        37: "CERT", 39: "DNAME", 41: "OPT", 42: "APL", 43: "DS", 44: "SSHFP", 45: "IPSECKEY", 46: "RRSIG", 47: "NSEC",
        48: "DNSKEY", 49: "DHCID", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA", 53: "SMIMEA", 55: "HIP", 59: "CDS",
        60: "CDNSKEY", 61: "OPENPGPKEY", 62: "CSYNC", 63: "ZONEMD", 64: "SVCB", 65: "HTTPS", 99: "SPF", 108: "EUI48",
        109: "EUI64", 249: "TKEY", 250: "TSIG", 251: "IXFR", 252: "AXFR", 253: "MAILB", 254: "MAILA", 255: "ANY",
        256: "URI", 257: "CAA",
    ]
    private static let numbers = Dictionary(names.map { ($1, $0) }, uniquingKeysWith: { first, _ in first })

    /// The mnemonic, or `TYPE` and the number (RFC 3597 §5).
    package var description: String { Self.names[rawValue] ?? "TYPE\(rawValue)" }

    /// Reads a mnemonic or `TYPE` and a number, in any letter case.
    package init?(_ text: String) {
        let upper = text.uppercased()
        if let number = Self.numbers[upper] {
            self.init(rawValue: number)
        } else if upper.hasPrefix("TYPE"), let number = UInt16(upper.dropFirst(4)) {
            self.init(rawValue: number)
        } else {
            return nil
        }
    }
}

/// A CLASS or QCLASS.
package enum RecordClass {
    package static let internet: UInt16 = 1
    package static let chaos: UInt16 = 3
    /// In questions only (RFC 1035 §3.2.5).
    package static let any: UInt16 = 255

    package static func text(_ value: UInt16) -> String {
        switch value {
        case internet: "IN"
        case chaos: "CH"
        case 4: "HS"
        case 254: "NONE"
        case 255: "ANY"
        default: "CLASS\(value)"
        }
    }
}

/// An RCODE, extended to 12 bits by EDNS (RFC 6891 §6.1.3).
package struct ResponseCode: RawRepresentable, Hashable, Sendable, BitwiseCopyable, CustomStringConvertible {
    package let rawValue: UInt16

    @inlinable package init(rawValue: UInt16) { self.rawValue = rawValue & 0xFFF }

    package static let noError = ResponseCode(rawValue: 0)
    package static let formatError = ResponseCode(rawValue: 1)
    package static let serverFailure = ResponseCode(rawValue: 2)
    package static let nameError = ResponseCode(rawValue: 3)
    package static let notImplemented = ResponseCode(rawValue: 4)
    package static let refused = ResponseCode(rawValue: 5)
    package static let notAuthoritative = ResponseCode(rawValue: 9)
    /// DSOTYPENI (RFC 8490 §10.2).
    package static let typeNotImplemented = ResponseCode(rawValue: 11)
    package static let badVersion = ResponseCode(rawValue: 16)

    private static let names = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
        "NOTZONE", "DSOTYPENI", "RCODE12", "RCODE13", "RCODE14", "RCODE15", "BADVERS",
    ]

    package var description: String {
        Int(rawValue) < Self.names.count ? Self.names[Int(rawValue)] : "RCODE\(rawValue)"
    }

    /// Reads a name in any letter case, or a number of 12 bits.
    package init?(_ text: String) {
        if let number = UInt16(text), number <= 0xFFF { self.init(rawValue: number) } else { self.init(name: text) }
    }

    /// Reads a name in any letter case.
    package init?(name: String) {
        guard let place = Self.names.firstIndex(of: name.uppercased()) else { return nil }
        self.init(rawValue: UInt16(place))
    }
}

/// An Extended DNS Error: why an answer is as it is (RFC 8914).
package struct ExtendedError: Hashable, Sendable {
    /// The INFO-CODE (RFC 8914 §4).
    package let code: UInt16
    /// The EXTRA-TEXT, in UTF-8 (RFC 8914 §2); left out where it does not fit.
    package let text: [UInt8]?

    package init(code: UInt16, text: [UInt8]? = nil) {
        self.code = code
        self.text = text
    }

    /// "Other", in words of our own.
    package static let shortOfMemory = ExtendedError(code: 0, text: Array("short of memory".utf8))
    package static let staleAnswer = ExtendedError(code: 3)
    package static let notReady = ExtendedError(code: 14)
    package static let blocked = ExtendedError(code: 15)
    package static let filtered = ExtendedError(code: 17)
    package static let prohibited = ExtendedError(code: 18)
    package static let notAuthoritative = ExtendedError(code: 20)
    package static let notSupported = ExtendedError(code: 21)
    package static let noReachableAuthority = ExtendedError(code: 22)
    package static let networkError = ExtendedError(code: 23)
}
