/// Who is asking, when proxies stand in between.
public enum ClientAddress: Equatable, Sendable {
    case known(IPAddress)
    /// A proxy that we trust handed on something that is no address: nothing can be decided about its sender.
    case malformed

    /// Walks `X-Forwarded-For` from the right: the peer itself, then what each trusted proxy saw. The first address that no
    /// trusted range holds is the client. What stands further left was written by the client and is not even read.
    ///
    /// - Parameters:
    ///   - peer: the other end of the connection.
    ///   - forwardedFor: all `X-Forwarded-For` lines, in the order they came.
    ///   - trusted: the proxies' networks. With none, the peer is the client and the header is ignored.
    public init(peer: IPAddress, forwardedFor: [String], trusted: [AddressRange]) {
        var client = peer
        var steps = forwardedFor.joined(separator: ",").split(separator: ",", omittingEmptySubsequences: false)
        while trusted.contains(where: { $0.contains(client) }), let step = steps.popLast() {
            let text = step.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed()
            guard let address = IPAddress(String(text)) else {
                // An absent or empty header is no statement at all; anything else is a false one.
                if text.isEmpty && forwardedFor.allSatisfy({ $0.allSatisfy { $0 == " " } }) { break }
                self = .malformed
                return
            }
            client = address
        }
        self = .known(client)
    }
}
