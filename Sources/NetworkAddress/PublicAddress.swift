extension IPAddress {
    /// Whether it leads to another machine on the open internet, and to none inside: not private, loopback, link-local (where clouds keep
    /// their metadata), shared, for documentation or tests, multicast or reserved (RFC 6890 and the registries of IANA that it began). An
    /// IPv4 address inside an IPv6 one (NAT64, 6to4, Teredo) never counts.
    public var isPublic: Bool { isIPv4 ? !Self.notPublicIPv4.contains { $0.contains(self) } : Self.isPublicIPv6(self) }

    private static let notPublicIPv4 = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
    ].compactMap(AddressRange.init)

    /// Only what is given out to networks at all (2000::/3), without the parts of it that are something else.
    private static func isPublicIPv6(_ address: IPAddress) -> Bool {
        global.contains { $0.contains(address) } && !notPublicIPv6.contains { $0.contains(address) }
    }

    private static let global = ["2000::/3"].compactMap(AddressRange.init)
    private static let notPublicIPv6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"].compactMap(AddressRange.init)
}
