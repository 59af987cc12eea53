import CArgon2
import CCrypt
import COpenSSL
import Glibc

/// A password hash that another system made, in the text it was stored as. It can be checked, not made: after the first right password
/// a hash of one's own takes its place.
///
/// Read are bcrypt (`$2a$`, `$2b$`, `$2y$`), SHA-crypt (`$5$`, `$6$`), yescrypt (`$y$`) and scrypt (`$7$`) as crypt(5) has them; PBKDF2,
/// scrypt, Argon2 and bcrypt as Django stores them; PBKDF2 and scrypt as passlib does; Argon2i, Argon2d and Argon2id in PHC form.
public struct ForeignHash: Equatable, Sendable {
    /// What one check may cost at most, so that nobody's stored hash exhausts the machine.
    public struct Limits: Sendable {
        /// bcrypt's logarithm of rounds.
        public var bcryptCost = 14
        /// Of SHA-crypt.
        public var rounds = 1_000_000
        /// Of PBKDF2.
        public var iterations = 2_000_000
        /// Of scrypt, yescrypt and Argon2, in KiB.
        public var memoryKiB = 262_144
        /// N r p of scrypt and yescrypt: four million take about a second.
        public var scryptWork = 4_194_304
        /// KiB times passes of Argon2: a million take about a second and a half.
        public var argon2Work = 1_048_576

        public init() {}
    }

    public enum Problem: Error, Equatable, Sendable {
        /// No form that is known here.
        case unknownForm
        /// A known form, and not whole: what is wrong.
        case damaged(String)
        /// Past the limits: what, and how much of it.
        case tooDear(String)
    }

    private enum Form: Equatable, Sendable {
        /// libxcrypt reads the setting itself; of bcrypt perhaps of a digest.
        case crypt(String, ofSHA256: Bool)
        case pbkdf2(PBKDF2)
        case scrypt(Scrypt)
        case argon2(String, type: UInt32)
    }

    fileprivate struct PBKDF2: Equatable, Sendable {
        enum Digest: String, Sendable { case sha1, sha256, sha512 }

        let digest: Digest
        let iterations: Int
        let salt: [UInt8]
        let output: [UInt8]
    }

    fileprivate struct Scrypt: Equatable, Sendable {
        let logN: Int
        let blockSize, lanes: Int
        let salt: [UInt8]
        let output: [UInt8]
    }

    private let form: Form

    public init(text: String, limits: Limits = Limits()) throws(Problem) {
        // Django puts its own name before forms that have one.
        if text.hasPrefix("bcrypt$$2") || text.hasPrefix("bcrypt_sha256$$2") {
            let isDigest = text.hasPrefix("bcrypt_sha256")
            form = try Self.crypt("$" + text.drop { $0 != "$" }.dropFirst(2), ofSHA256: isDigest, limits)
        } else if text.hasPrefix("argon2$argon2") {
            form = try Self.argon2(String(text.dropFirst("argon2".count)), limits)
        } else if text.hasPrefix("$argon2") {
            form = try Self.argon2(text, limits)
        } else if text.hasPrefix("pbkdf2_") || text.hasPrefix("$pbkdf2") {
            form = .pbkdf2(try PBKDF2(text, limits))
        } else if text.hasPrefix("scrypt$") || text.hasPrefix("$scrypt$") {
            form = .scrypt(try Scrypt(text, limits))
        } else if ["$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$7$"].contains(where: text.hasPrefix) {
            form = try Self.crypt(text, ofSHA256: false, limits)
        } else {
            throw .unknownForm
        }
    }

    /// Whether a password is the one that was hashed; never one with a NUL in it. Blocks for as long as the hash costs.
    public func matches(password: [UInt8]) -> Bool {
        // crypt(3) stops at a NUL, and to HMAC a short key with zeros behind it is the same key.
        guard !password.contains(0) else { return false }
        return switch form {
        case .crypt(let stored, let ofSHA256): Self.crypts(ofSHA256 ? Self.sha256Hex(password) : password, as: stored)
        case .pbkdf2(let hash): Self.isEqual(hash.output, hash.derive(password))
        case .scrypt(let hash): Self.isEqual(hash.output, hash.derive(password))
        case .argon2(let encoded, let type):
            password.withUnsafeBytes { argon2_verify(encoded, $0.baseAddress, $0.count, argon2_type(rawValue: type)) == ARGON2_OK.rawValue }
        }
    }

    /// Takes the same time wherever they differ.
    private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

// MARK: crypt(5)

extension ForeignHash {
    private static func crypt(_ text: String, ofSHA256: Bool, _ limits: Limits) throws(Problem) -> Form {
        guard text.utf8.allSatisfy({ (33...126).contains($0) }), text.utf8.count <= 384 else { throw .damaged("letters that no hash has") }
        let parts = text.split(separator: "$", omittingEmptySubsequences: false).dropFirst()
        guard let kind = parts.first, parts.count >= 3 else { throw .damaged("a part is missing") }
        if kind.hasPrefix("2") {
            guard let cost = Int(parts[2]), text.utf8.count == 60 else { throw .damaged("bcrypt has 60 letters") }
            guard cost >= 4 else { throw .damaged("bcrypt cost \(cost)") }
            guard cost <= limits.bcryptCost else { throw .tooDear("bcrypt cost \(cost), at most \(limits.bcryptCost)") }
        } else if kind == "5" || kind == "6" {
            if parts[2].hasPrefix("rounds=") {
                guard let rounds = Int(parts[2].dropFirst(7)), parts.count == 4 else { throw .damaged("rounds") }
                guard rounds >= 1_000 else { throw .damaged("\(rounds) rounds") }
                guard rounds <= limits.rounds else { throw .tooDear("\(rounds) rounds, at most \(limits.rounds)") }
            }
            guard parts.last?.utf8.count == (kind == "5" ? 43 : 86) else { throw .damaged("SHA-crypt is cut short") }
        } else {
            try checkScrypt(kind == "y" ? try yescrypt(parts[2]) : try scrypt7(parts[2]), limits)
            guard parts.last?.utf8.count == 43 else { throw .damaged("yescrypt is cut short") }
        }
        return .crypt(text, ofSHA256: ofSHA256)
    }

    private struct Cost {
        let logN, blockSize, lanes: Int
    }

    /// A letter of flags, one of log2 N less one, one of r less one (crypt(5)). Letters from the 49th on begin longer numbers, and more than
    /// three give what yescrypt can do besides, such as more time: neither is ever made by crypt_gensalt, nor read here.
    private static func yescrypt(_ settings: Substring) throws(Problem) -> Cost {
        let letters = settings.utf8.compactMap { byte in itoa64.firstIndex(of: byte) }
        guard letters.count == 3, settings.utf8.count == 3, letters.allSatisfy({ $0 < 48 }), letters[1] < 30 else {
            throw .damaged("settings of yescrypt other than flags, N and r")
        }
        return Cost(logN: letters[1] + 1, blockSize: letters[2] + 1, lanes: 1)
    }

    /// A letter of log2 N, five of r and five of p, the lowest first; then the salt.
    private static func scrypt7(_ settings: Substring) throws(Problem) -> Cost {
        let letters = settings.utf8.prefix(11).compactMap { byte in itoa64.firstIndex(of: byte) }
        guard letters.count == 11, letters[0] < 31 else { throw .damaged("its cost can't be read") }
        func number(_ range: Range<Int>) -> Int { letters[range].reversed().reduce(0) { $0 << 6 | $1 } }
        return Cost(logN: letters[0], blockSize: number(1..<6), lanes: number(6..<11))
    }

    private static func checkScrypt(_ cost: Cost, _ limits: Limits) throws(Problem) {
        try checkScrypt(logN: cost.logN, blockSize: cost.blockSize, lanes: cost.lanes, limits)
    }

    fileprivate static func checkScrypt(logN: Int, blockSize: Int, lanes: Int, _ limits: Limits) throws(Problem) {
        guard (1...30).contains(logN), (1...64).contains(blockSize), (1...16).contains(lanes) else { throw .damaged("N, r or p") }
        // 128 r N bytes.
        let memory = (1 << logN) * blockSize / 8
        guard memory <= limits.memoryKiB else { throw .tooDear("\(memory) KiB of memory, at most \(limits.memoryKiB)") }
        let work = (1 << logN) * blockSize * lanes
        guard work <= limits.scryptWork else { throw .tooDear("N r p of \(work), at most \(limits.scryptWork)") }
    }

    private static let itoa64 = Array("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    private static func crypts(_ password: [UInt8], as stored: String) -> Bool {
        var phrase = password.map { CChar(bitPattern: $0) } + [0]
        defer { phrase.withUnsafeMutableBytes { bytes in if let start = bytes.baseAddress { explicit_bzero(start, bytes.count) } } }
        let data = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        memset(data, 0, MemoryLayout<crypt_data>.size)
        defer {
            explicit_bzero(data, MemoryLayout<crypt_data>.size)
            data.deallocate()
        }
        guard let made = crypt_rn(phrase, stored, data, Int32(MemoryLayout<crypt_data>.size)) else { return false }
        return isEqual(Array(stored.utf8), Array(String(cString: made).utf8))
    }

    /// Django feeds bcrypt the digest in lower-case digits, so that its 72 bytes hold any password.
    private static func sha256Hex(_ password: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 32
        EVP_Digest(password, password.count, &digest, &length, EVP_sha256(), nil)
        let digits = Array("0123456789abcdef".utf8)
        return digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}

// MARK: Argon2

extension ForeignHash {
    private static func argon2(_ text: String, _ limits: Limits) throws(Problem) -> Form {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        let types: [Substring: argon2_type] = ["argon2i": Argon2_i, "argon2d": Argon2_d, "argon2id": Argon2_id]
        guard parts.count >= 5, let type = types[parts[1]], text.utf8.count <= 512 else {
            throw .damaged("Argon2 in PHC form has six parts")
        }
        var numbers: [Substring: Int] = [:]
        for setting in parts[parts.count - 3].split(separator: ",") {
            let pair = setting.split(separator: "=")
            if pair.count == 2 { numbers[pair[0]] = Int(pair[1]) }
        }
        guard let memory = numbers["m"], let passes = numbers["t"], let lanes = numbers["p"] else {
            throw .damaged("m, t and p are needed")
        }
        guard memory <= limits.memoryKiB else { throw .tooDear("\(memory) KiB of memory, at most \(limits.memoryKiB)") }
        guard passes >= 1, (1...16).contains(lanes), memory >= 8 * lanes, !parts[parts.count - 2].isEmpty, !parts[parts.count - 1].isEmpty
        else {
            throw .damaged("m, t, p, the salt or the hash")
        }
        guard passes <= limits.argon2Work / memory else { throw .tooDear("\(passes) passes over \(memory) KiB") }
        return .argon2(text, type: type.rawValue)
    }
}

// MARK: PBKDF2 (RFC 8018 §5.2) and scrypt (RFC 7914)

extension ForeignHash.PBKDF2 {
    /// `pbkdf2_sha256$ITERATIONS$SALT$BASE64` of Django, `$pbkdf2-sha256$ITERATIONS$SALT$HASH` of passlib.
    init(_ text: String, _ limits: ForeignHash.Limits) throws(ForeignHash.Problem) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        let isDjango = text.hasPrefix("pbkdf2_")
        let fields = isDjango ? parts[...] : parts.dropFirst()
        guard fields.count == 4, let name = fields.first, let iterations = Int(fields[fields.startIndex + 1]), iterations > 0 else {
            throw .damaged("PBKDF2 has a name, iterations, a salt and a hash")
        }
        let suffix = name.dropFirst(isDjango ? "pbkdf2_".count : "pbkdf2".count + (name == "pbkdf2" ? 0 : 1))
        guard let digest = Digest(rawValue: suffix.isEmpty ? "sha1" : String(suffix)) else { throw .unknownForm }
        let (salt, hash) = (fields[fields.startIndex + 2], fields[fields.startIndex + 3])
        guard let output = UnpaddedBase64.decode(loosely: hash), (16...128).contains(output.count),
            let saltBytes = isDjango ? Array(salt.utf8) : UnpaddedBase64.decode(loosely: salt)
        else { throw .damaged("its salt or hash isn't base64") }
        // Each block of output costs all of them.
        let size =
            switch digest {
            case .sha1: 20
            case .sha256: 32
            case .sha512: 64
            }
        let blocks = (output.count + size - 1) / size
        guard iterations <= limits.iterations / blocks else {
            throw .tooDear("\(iterations) iterations for \(blocks) blocks, at most \(limits.iterations) in all")
        }
        (self.digest, self.iterations, self.salt, self.output) = (digest, iterations, saltBytes, output)
    }

    func derive(_ password: [UInt8]) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: self.output.count)
        let md =
            switch digest {
            case .sha1: EVP_sha1()
            case .sha256: EVP_sha256()
            case .sha512: EVP_sha512()
            }
        let isDone = password.withUnsafeBytes { password in
            PKCS5_PBKDF2_HMAC(
                password.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(password.count), salt, Int32(salt.count),
                Int32(iterations), md, Int32(output.count), &output)
        }
        return isDone == 1 ? output : []
    }
}

extension ForeignHash.Scrypt {
    /// `scrypt$N$SALT$R$P$BASE64` of Django, `$scrypt$ln=LOG2N,r=R,p=P$SALT$HASH` of passlib.
    init(_ text: String, _ limits: ForeignHash.Limits) throws(ForeignHash.Problem) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        let read: (logN: Int, blockSize: Int, lanes: Int, salt: [UInt8], output: [UInt8])?
        if text.hasPrefix("scrypt$") {
            guard parts.count == 6, let n = Int(parts[1]), n > 1, n & (n - 1) == 0, let blockSize = Int(parts[3]), let lanes = Int(parts[4])
            else { throw .damaged("scrypt has N, a salt, r, p and a hash") }
            read = UnpaddedBase64.decode(loosely: parts[5]).map { (n.trailingZeroBitCount, blockSize, lanes, Array(parts[2].utf8), $0) }
        } else {
            var numbers: [Substring: Int] = [:]
            for setting in parts.dropFirst(2).first?.split(separator: ",") ?? [] {
                let pair = setting.split(separator: "=")
                if pair.count == 2 { numbers[pair[0]] = Int(pair[1]) }
            }
            guard parts.count == 5, let logN = numbers["ln"], let blockSize = numbers["r"], let lanes = numbers["p"],
                let salt = UnpaddedBase64.decode(loosely: parts[3])
            else { throw .damaged("scrypt has ln, r, p, a salt and a hash") }
            read = UnpaddedBase64.decode(loosely: parts[4]).map { (logN, blockSize, lanes, salt, $0) }
        }
        guard let read, (16...128).contains(read.output.count) else { throw .damaged("its hash can't be read") }
        try ForeignHash.checkScrypt(logN: read.logN, blockSize: read.blockSize, lanes: read.lanes, limits)
        (logN, blockSize, lanes, salt, output) = read
    }

    func derive(_ password: [UInt8]) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: self.output.count)
        // 128 r (N + p + 2) bytes, as RFC 7914 §6 needs, and some more.
        let most = UInt64(blockSize) * 128 * (UInt64(1) << UInt64(logN) + UInt64(lanes) + 8)
        let isDone = password.withUnsafeBytes { password in
            EVP_PBE_scrypt(
                password.baseAddress?.assumingMemoryBound(to: CChar.self), password.count, salt, salt.count, UInt64(1) << UInt64(logN),
                UInt64(blockSize), UInt64(lanes), most, &output, output.count)
        }
        return isDone == 1 ? output : []
    }
}
