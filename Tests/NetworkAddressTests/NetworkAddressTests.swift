import NetworkAddress
import Support
import Testing

@Suite struct IPAddressTests {
    @Test(
        "LG-07: every way to write an address is one address",
        arguments: [
            ["10.0.0.1", "::ffff:10.0.0.1", "::FFFF:10.0.0.1", "0:0:0:0:0:ffff:0a00:0001"],
            ["2001:db8::1", "2001:DB8::1", "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8:0::1"],
            ["::1", "0:0:0:0:0:0:0:1", "0000::0001"],
        ])
    func aliases(texts: [String]) {
        #expect(Set(texts.compactMap { IPAddress($0) }).count == 1)
        #expect(texts.compactMap { IPAddress($0) }.count == texts.count)
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", " ", "a", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4 ", " 1.2.3.4", "1.2.3.4:80", "[::1]", "::1%eth0", "fe80::1%1", ":::",
            "1::2::3",
            "12345::", "g::", "1.2.3.4\0", "٣.1.1.1", "0x7f.1", "127.1", "2130706433",
        ])
    func malformed(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("an address prints as it reads, in one form")
    func printing() {
        for text in ["0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:2", "2001:db8:0:1::"] {
            #expect(IPAddress(text)?.description == text)
        }
        var generator = SeededGenerator(seed: 11)
        for _ in 1...2_000 {
            let groups = (0..<8).map { _ in String(UInt16.random(in: 0...UInt16.max, using: &generator), radix: 16) }
            let address = IPAddress(groups.joined(separator: ":"))
            #expect(address != nil)
            #expect(address.flatMap { IPAddress($0.description) } == address)
        }
    }

    @Test("LG-06: a client is one IPv4 address, or the /64 that an IPv6 client moves in")
    func clients() throws {
        let first = try #require(IPAddress("2001:db8:1:2:3:4:5:6"))
        #expect(first.client.description == "2001:db8:1:2::/64")
        #expect(try first.client == #require(IPAddress("2001:db8:1:2:ffff::9")).client)
        #expect(try first.client != #require(IPAddress("2001:db8:1:3::1")).client)
        #expect(try #require(IPAddress("192.0.2.7")).client.description == "192.0.2.7")
        #expect(try #require(IPAddress("192.0.2.7")).client != #require(IPAddress("192.0.2.8")).client)
    }
}

@Suite struct AddressRangeTests {
    @Test(
        "a range holds what its prefix says",
        arguments: [
            ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false), ("::/0", "203.0.113.9", true),
            ("2001:db8::/65", "2001:db8::7fff:ffff:ffff:ffff", true), ("2001:db8::/65", "2001:db8::8000:0:0:0", false),
            ("::1/128", "::1", true),
        ])
    func containing(range: String, address: String, expected: Bool) throws {
        #expect(try #require(AddressRange(range)).contains(#require(IPAddress(address))) == expected)
    }

    @Test(
        "what is no range is refused",
        arguments: [
            "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/ 8", "10.0.0.0/8/8", "::/129", "2001:db8::1/32", "x/8", "",
            "/", "10.0.0.0/+8",
        ])
    func malformed(text: String) {
        #expect(AddressRange(text) == nil)
    }
}

@Suite struct ClientAddressTests {
    private let proxies = ["127.0.0.1", "10.0.0.0/8"].compactMap { AddressRange($0) }

    private func client(_ peer: String, _ headers: [String], trusted: [AddressRange]) throws -> ClientAddress {
        ClientAddress(peer: try #require(IPAddress(peer)), forwardedFor: headers, trusted: trusted)
    }

    @Test("HT-01: with no trusted proxy the peer is the client, whatever the header says")
    func untrusted() throws {
        for headers in [[], ["1.2.3.4"], ["garbage"], ["127.0.0.1, 1.2.3.4"]] {
            #expect(try client("203.0.113.7", headers, trusted: []) == .known(#require(IPAddress("203.0.113.7"))))
            #expect(try client("203.0.113.7", headers, trusted: proxies) == .known(#require(IPAddress("203.0.113.7"))))
        }
    }

    @Test(
        "HT-01: the right-most address that no proxy of ours has is the client",
        arguments: [
            (["198.51.100.1"], "198.51.100.1"), (["1.1.1.1, 198.51.100.1"], "198.51.100.1"), (["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
            (["198.51.100.1, 10.1.1.1"], "198.51.100.1"), (["198.51.100.1,10.1.1.1 ,10.2.2.2"], "198.51.100.1"), (["10.9.9.9"], "10.9.9.9"),
            (["garbage, 198.51.100.1"], "198.51.100.1"), (["2001:DB8::1"], "2001:db8::1"), ([], "127.0.0.1"), ([""], "127.0.0.1"),
        ])
    func chains(headers: [String], expected: String) throws {
        #expect(try client("127.0.0.1", headers, trusted: proxies) == .known(#require(IPAddress(expected))))
    }

    @Test(
        "HT-02: a trusted proxy that hands on what is no address makes the whole undecided",
        arguments: [
            ["a"], ["198.51.100.1:80"], ["unknown"], ["198.51.100.1, "], [","], ["[2001:db8::1]"], ["198.51.100.1, 10.0.0.1, x"],
            [String(repeating: ",", count: 10_000)],
        ])
    func malformed(headers: [String]) throws {
        #expect(try client("127.0.0.1", headers, trusted: proxies) == .malformed)
    }
}
