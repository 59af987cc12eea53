import NetworkAddress
import Support
import Testing

@Suite struct NetworkSetTests {
    @Test("a set says what asking each network says", arguments: [UInt64(1), 2, 3])
    func bruteForce(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        func address() -> IPAddress? {
            if Bool.random(using: &generator) {
                // Few networks, so that many meet.
                return IPAddress("10.\(Int.random(in: 0...3, using: &generator)).\(Int.random(in: 0...255, using: &generator)).7")
            }
            let groups = (0..<4).map { _ in String(UInt16.random(in: 0...15, using: &generator), radix: 16) }
            return IPAddress("2001:db8:\(groups[0]):\(groups[1])::\(groups[2]):\(groups[3])")
        }
        func network() -> AddressRange? {
            guard let address = address() else { return nil }
            let bits = Int.random(in: address.isIPv4 ? 10...32 : 20...128, using: &generator)
            return address.network(bits)
        }
        for count in [0, 1, 2, 50, 1_000] {
            let networks = (0..<count).compactMap { _ in network() }
            let set = NetworkSet(networks)
            for address in (0..<2_000).compactMap({ _ in address() }) {
                let index = set.index(of: address)
                #expect((index != nil) == networks.contains { $0.contains(address) })
                if let index { #expect(networks[index].contains(address)) }
            }
        }
    }

    @Test("the widest networks hold every address of their kind, and a network of IPv6 may hold IPv4")
    func widest() throws {
        let all = NetworkSet(["0.0.0.0/0"].compactMap(AddressRange.init))
        for text in ["0.0.0.0", "9.9.9.9", "255.255.255.255"] { #expect(all.index(of: try #require(IPAddress(text))) == 0) }
        #expect(all.index(of: try #require(IPAddress("2001:db8::1"))) == nil)
        let everything = NetworkSet(["::/0"].compactMap(AddressRange.init))
        for text in ["0.0.0.0", "9.9.9.9", "::", "ffff::1"] { #expect(everything.index(of: try #require(IPAddress(text))) == 0) }
    }

    @Test("networks end where they end")
    func edges() throws {
        let set = NetworkSet(["10.0.0.0/15", "10.4.0.0/32", "2001:db8::/33"].compactMap(AddressRange.init))
        for (text, index) in [
            ("9.255.255.255", nil), ("10.0.0.0", 0), ("10.1.255.255", 0), ("10.2.0.0", nil), ("10.4.0.0", 1), ("10.4.0.1", nil),
            ("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", 2), ("2001:db8:8000::", nil),
        ] as [(String, Int?)] {
            #expect(set.index(of: try #require(IPAddress(text))) == index)
        }
    }
}
