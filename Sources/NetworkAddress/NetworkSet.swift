/// Many networks, asked which of them holds an address. A million take some 32 MB; docs/figures.md says how long an answer takes.
public struct NetworkSet: Sendable {
    private struct Found: Sendable {
        let last: IPAddress
        let index: Int
    }

    /// IPv4 by the upper 16 bits: where the networks begin that start in or before such a block.
    private let blocks: [UInt32]
    private let firsts: [UInt32]
    private let lasts: [UInt32]
    private let indexes: [UInt32]

    private let wideHighs: [UInt64]
    private let wideLows: [UInt64]
    private let wide: [Found]
    /// Whether one of the others holds IPv4 addresses too.
    private let wideHoldsIPv4: Bool

    /// Of networks within others only the widest counts.
    public init(_ networks: [AddressRange]) {
        let order = networks.indices.sorted { one, other in
            let (a, b) = (networks[one], networks[other])
            return (a.first.high, a.first.low, a.bits) < (b.first.high, b.first.low, b.bits)
        }
        var (firsts, lasts, indexes): ([UInt32], [UInt32], [UInt32]) = ([], [], [])
        var (highs, lows, wide): ([UInt64], [UInt64], [Found]) = ([], [], [])
        for index in order {
            let network = networks[index]
            let last = network.last
            if network.first.isIPv4, network.bits >= 96 {
                let first = UInt32(truncatingIfNeeded: network.first.low)
                if let before = lasts.last, first <= before { continue }
                firsts.append(first)
                lasts.append(UInt32(truncatingIfNeeded: last.low))
                indexes.append(UInt32(truncatingIfNeeded: index))
            } else {
                if let before = wide.last?.last, (network.first.high, network.first.low) <= (before.high, before.low) { continue }
                highs.append(network.first.high)
                lows.append(network.first.low)
                wide.append(Found(last: last, index: index))
            }
        }
        var blocks = [UInt32](repeating: 0, count: firsts.isEmpty ? 0 : 65_537)
        if !blocks.isEmpty {
            var next = 0
            for block in 0...65_536 {
                while next < firsts.count, Int(firsts[next] >> 16) < block { next += 1 }
                blocks[block] = UInt32(truncatingIfNeeded: next)
            }
        }
        (self.blocks, self.firsts, self.lasts, self.indexes) = (blocks, firsts, lasts, indexes)
        (wideHighs, wideLows, self.wide) = (highs, lows, wide)
        // They are sorted, and only one that begins before the IPv4 addresses can hold them.
        wideHoldsIPv4 = zip(zip(highs, lows), wide).contains { first, found in
            first.0 == 0 && first.1 <= 0xFFFF_FFFF_FFFF && (found.last.high, found.last.low) >= (0, 0xFFFF_0000_0000)
        }
    }

    /// Which of the networks holds an address, by its place in what the set was made from.
    public func index(of address: IPAddress) -> Int? {
        if address.isIPv4 {
            if let found = index(ofIPv4: UInt32(truncatingIfNeeded: address.low)) { return found }
            if !wideHoldsIPv4 { return nil }
        }
        var (low, high) = (0, wideHighs.count)
        while low < high {
            let middle = (low + high) / 2
            if wideHighs[middle] < address.high || (wideHighs[middle] == address.high && wideLows[middle] <= address.low) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard low > 0, case let found = wide[low - 1], (address.high, address.low) <= (found.last.high, found.last.low) else { return nil }
        return found.index
    }

    private func index(ofIPv4 address: UInt32) -> Int? {
        guard !blocks.isEmpty else { return nil }
        // The network may have begun in an earlier block: then it is the last one before this block.
        var (low, high) = (Int(blocks[Int(address >> 16)]), Int(blocks[Int(address >> 16) + 1]))
        while low < high {
            let middle = (low + high) / 2
            if firsts[middle] <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0, address <= lasts[low - 1] else { return nil }
        return Int(indexes[low - 1])
    }
}

extension AddressRange {
    /// The last address.
    public var last: IPAddress { IPAddress(high: first.high | ~Self.mask(bits), low: first.low | ~Self.mask(bits - 64)) }
}
