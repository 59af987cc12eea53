import Glibc

/// Numbers by chance, from a generator that the caller brings.
enum Chance {
    /// 0 to 1, without 1.
    static func uniform(using generator: inout some RandomNumberGenerator) -> Double { Double(generator.next() >> 11) * 0x1p-53 }

    /// - Parameters: both above 0.
    static func beta(_ a: Double, _ b: Double, using generator: inout some RandomNumberGenerator) -> Double {
        let (x, y) = (gamma(a, using: &generator), gamma(b, using: &generator))
        return x + y > 0 ? x / (x + y) : 0.5
    }

    /// Marsaglia and Tsang, ACM Transactions on Mathematical Software 26 (2000).
    private static func gamma(_ shape: Double, using generator: inout some RandomNumberGenerator) -> Double {
        guard shape >= 1 else {
            return gamma(shape + 1, using: &generator) * pow(1 - uniform(using: &generator), 1 / shape)
        }
        let d = shape - 1 / 3.0
        let c = 1 / sqrt(9 * d)
        while true {
            let x = normal(using: &generator)
            let v = 1 + c * x
            guard v > 0 else { continue }
            let cube = v * v * v
            if log(1 - uniform(using: &generator)) < 0.5 * x * x + d - d * cube + d * log(cube) { return d * cube }
        }
    }

    /// Box and Muller.
    private static func normal(using generator: inout some RandomNumberGenerator) -> Double {
        sqrt(-2 * log(1 - uniform(using: &generator))) * cos(2 * Double.pi * uniform(using: &generator))
    }
}
