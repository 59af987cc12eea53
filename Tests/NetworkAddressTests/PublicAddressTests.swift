import NetworkAddress
import Testing

@Suite struct PublicAddressTests {
    @Test(
        "JN-06: no spelling of an inner address counts as one outside",
        arguments: [
            "127.0.0.1", "127.1.2.3", "::1", "0.0.0.0", "::", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
            "100.64.0.1", "100.127.255.255", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "2001:0:a9fe:a9fe::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
            "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "2001:db8::1", "::ffff:0:10.0.0.1",
        ])
    func inner(text: String) throws {
        #expect(try !#require(IPAddress(text)).isPublic)
    }

    @Test(
        "others do",
        arguments: ["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"])
    func outer(text: String) throws {
        #expect(try #require(IPAddress(text)).isPublic)
    }
}
