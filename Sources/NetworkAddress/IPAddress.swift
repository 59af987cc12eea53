import Glibc

/// An IPv4 or IPv6 address with one value for every way to write it: `::FFFF:10.0.0.1` is `10.0.0.1`.
public struct IPAddress: Hashable, Sendable {
    /// The sixteen bytes in two halves, IPv4 as `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2).
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the text forms of `inet_pton`: four decimal parts, or RFC 4291 §2.2. No port, no zone, no brackets, no spaces.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        var four = in_addr()
        if inet_pton(AF_INET, String(text), &four) == 1 {
            self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(UInt32(bigEndian: four.s_addr)))
            return
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, String(text), &six) == 1 else { return nil }
        self = withUnsafeBytes(of: &six) {
            IPAddress(
                high: UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }

    public var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool { isIPv4 ? low >> 24 & 0xFF == 127 : high == 0 && low == 1 }

    /// The network that begins with the first `bits` of it: 0…32 for IPv4, 0…128 for IPv6; more count as all.
    public func network(_ bits: Int) -> AddressRange {
        AddressRange(first: self, bits: isIPv4 ? 96 + min(32, max(0, bits)) : min(128, max(0, bits)))
    }

    /// The network a single client can move in at will: the address itself for IPv4, its /64 for IPv6.
    public var client: AddressRange { isIPv4 ? AddressRange(first: self, bits: 128) : AddressRange(first: self, bits: 64) }
}

extension IPAddress: CustomStringConvertible {
    /// The shortest form (RFC 5952), IPv4 as four decimal parts.
    public var description: String {
        if isIPv4 {
            return "\(low >> 24 & 0xFF).\(low >> 16 & 0xFF).\(low >> 8 & 0xFF).\(low & 0xFF)"
        }
        var six = in6_addr()
        withUnsafeMutableBytes(of: &six) {
            $0.storeBytes(of: high.bigEndian, as: UInt64.self)
            $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        var text = [CChar](repeating: 0, count: 46)
        inet_ntop(AF_INET6, &six, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

extension IPAddress {
    /// Four for IPv4, sixteen for IPv6, in network order.
    public var bytes: [UInt8] {
        let all = [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * $0)) } }
        return isIPv4 ? Array(all.suffix(4)) : all
    }

    /// - Returns: nil for other counts than ``bytes`` has.
    public init?(bytes: some Collection<UInt8>) {
        func half(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self.init(high: 0, low: 0xFFFF_0000_0000 | half(bytes))
        case 16: self.init(high: half(bytes.prefix(8)), low: half(bytes.dropFirst(8)))
        default: return nil
        }
    }
}
