/// Makes the fingerprints of one shard.
struct FuseBuilder {
    let shape: FuseShape
    let seed: UInt64
    let fingerprints: [UInt16]

    /// How many seeds are tried. A few in a hundred fail, so that this many never do.
    private static let tries: UInt64 = 100

    /// - Parameter keys: sorted, each once.
    /// - Returns: nil if no seed will do.
    init?(keys: [UInt64]) {
        let shape = FuseShape(keys: keys.count)
        self.shape = shape
        for number in 0..<Self.tries {
            let seed = FuseShape.hash(number &+ 1, seed: UInt64(keys.count))
            guard let order = Self.peeled(keys, shape, seed) else { continue }
            self.seed = seed
            fingerprints = Self.assigned(order, shape)
            return
        }
        return nil
    }

    /// Takes away, again and again, a key that is alone at one of its places.
    /// - Returns: the keys' hashes in that order with the place that each had to itself; nil if some never are alone.
    private static func peeled(_ keys: [UInt64], _ shape: FuseShape, _ seed: UInt64) -> [(hash: UInt64, place: UInt32)]? {
        var counts = [UInt32](repeating: 0, count: shape.count)
        var hashes = [UInt64](repeating: 0, count: shape.count)
        func add(_ hash: UInt64, _ place: Int) {
            counts[place] += 1
            hashes[place] ^= hash
        }
        for key in keys {
            let hash = FuseShape.hash(key, seed: seed)
            let places = shape.places(hash)
            add(hash, places.0)
            add(hash, places.1)
            add(hash, places.2)
        }
        var alone = counts.indices.filter { counts[$0] == 1 }
        var order: [(hash: UInt64, place: UInt32)] = []
        order.reserveCapacity(keys.count)
        while let place = alone.popLast() {
            guard counts[place] == 1 else { continue }
            let hash = hashes[place]
            order.append((hash, UInt32(place)))
            let places = shape.places(hash)
            for other in [places.0, places.1, places.2] {
                counts[other] -= 1
                hashes[other] ^= hash
                if counts[other] == 1 { alone.append(other) }
            }
        }
        return order.count == keys.count ? order : nil
    }

    /// Backwards: each key's own place is free to be what makes its three xor to its fingerprint.
    private static func assigned(_ order: [(hash: UInt64, place: UInt32)], _ shape: FuseShape) -> [UInt16] {
        var fingerprints = [UInt16](repeating: 0, count: shape.count)
        for (hash, place) in order.reversed() {
            let places = shape.places(hash)
            // The place itself is still 0.
            fingerprints[Int(place)] =
                FuseShape.fingerprint(hash) ^ fingerprints[places.0] ^ fingerprints[places.1] ^ fingerprints[places.2]
        }
        return fingerprints
    }
}
