/// A network in CIDR form (RFC 4632): `10.0.0.0/8`, `2001:db8::/32`, or one address.
public struct AddressRange: Hashable, Sendable {
    /// The first address; all bits past the prefix are zero.
    public let first: IPAddress
    /// Leading bits that count, 0…128; an IPv4 /8 has 104.
    let bits: Int

    init(first: IPAddress, bits: Int) {
        self.bits = bits
        self.first = IPAddress(high: first.high & Self.mask(bits), low: first.low & Self.mask(bits - 64))
    }

    /// - Returns: nil for a prefix that is too long, or for bits set past the prefix: `10.0.0.1/8` is a mistake worth telling.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0]) else { return nil }
        guard parts.count == 2 else {
            self.init(first: address, bits: 128)
            return
        }
        guard parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let prefix = Int(parts[1]),
            prefix <= (address.isIPv4 ? 32 : 128)
        else { return nil }
        self.init(first: address, bits: address.isIPv4 ? prefix + 96 : prefix)
        guard first == address else { return nil }
    }

    public func contains(_ address: IPAddress) -> Bool {
        address.high & Self.mask(bits) == first.high && address.low & Self.mask(bits - 64) == first.low
    }

    /// Whether all of another network lies in this one.
    public func contains(_ other: AddressRange) -> Bool { other.bits >= bits && contains(other.first) }

    static func mask(_ bits: Int) -> UInt64 {
        bits <= 0 ? 0 : bits >= 64 ? .max : ~(UInt64.max >> UInt64(bits))
    }
}

extension AddressRange: CustomStringConvertible {
    public var description: String {
        if bits == 128 { return first.description }
        return first.isIPv4 && bits >= 96 ? "\(first)/\(bits - 96)" : "\(first)/\(bits)"
    }
}
