import DNSWire

/// Whether octets from a file have the form in which objects are kept: what reads them later does not look twice.
enum SavedForm {
    /// As `CompactObject.encode` writes services; empty while there are only slices.
    static func isService(_ octets: ByteView) -> Bool {
        guard let kind = octets.at(0) else { return true }
        switch ServiceKind(rawValue: kind) {
        case .cluster:
            guard octets.count >= 3 else { return false }
            let addresses = Int(octets[1]) * 4 + Int(octets[2]) * 16
            return octets.count >= 3 + addresses && isPortList(octets.suffix(from: 3 + addresses))
        case .headless, .unusable: return octets.count == 1
        case .externalName: return isName(octets.suffix(from: 1))
        case nil: return false
        }
    }

    /// As `ExternalEntry.encode` writes them; empty when there is nothing.
    static func isExternal(_ octets: ByteView) -> Bool {
        guard octets.count > 0 else { return true }
        guard octets.count >= 3 else { return false }
        let host = 3 + Int(octets[0]) * 4 + Int(octets[1]) * 16
        let ports = host + Int(octets[2])
        guard octets.count >= ports, octets[2] == 0 || isName(octets.slice(host, Int(octets[2]))) else { return false }
        return isPortList(octets.suffix(from: ports))
    }

    /// As `CompactObject.encode` writes slices.
    static func isSlice(_ octets: ByteView) -> Bool {
        guard octets.count >= 4, Int(octets.uint32(at: 0)) <= octets.count - 4 else { return false }
        let ports = CompactObject.ports(of: octets)
        guard isPortList(ports) else { return false }
        var place = 4 + ports.count
        while let head = octets.at(place) {
            place += 1 + (head & 0x80 == 0 ? 4 : 16) + Int(head & 0x3F)
            if head & 0x40 != 0 { place += 1 + Int(octets.at(place) ?? 0) }
        }
        return place == octets.count
    }

    /// Entries as `AddressTable.encode` writes them.
    static func isPod(_ octets: ByteView) -> Bool {
        var place = 0
        while let head = octets.at(place) {
            place += 1 + (head & 0x80 == 0 ? 4 : 16) + Int(head & 0x7F)
        }
        return place == octets.count
    }

    private static func isPortList(_ octets: ByteView) -> Bool {
        guard octets.count >= 2 else { return false }
        var place = 2
        var count = 0
        while place < octets.count {
            guard let length = octets.at(place + 3) else { return false }
            place += 4 + Int(length)
            count += 1
        }
        return place == octets.count && count == Int(octets.uint16(at: 0))
    }

    /// A whole name in wire form without compression.
    private static func isName(_ octets: ByteView) -> Bool {
        guard octets.count <= 255 else { return false }
        var place = 0
        while let length = octets.at(place), length < 64 {
            place += Int(length) + 1
            if length == 0 { return place == octets.count }
        }
        return false
    }
}
