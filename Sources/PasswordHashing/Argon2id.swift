import CArgon2

/// Argon2id version 1.3 (RFC 9106) over Debian's libargon2.
public enum Argon2id {
    /// What one hash costs.
    public struct Parameters: Equatable, Sendable {
        /// Memory in KiB.
        public let memoryKiB: UInt32
        /// Passes over the memory.
        public let passes: UInt32
        /// Lanes.
        public let lanes: UInt32

        /// 19 MiB, two passes, one lane: the OWASP floor, about 23 ms on one core.
        public static let standard = Parameters(uncheckedMemoryKiB: 19_456, passes: 2, lanes: 1)

        /// - Returns: nil outside 8 KiB per lane … 1 GiB, 1…64 passes, 1…16 lanes: nobody's stored hash may exhaust the machine.
        public init?(memoryKiB: UInt32, passes: UInt32, lanes: UInt32) {
            guard (1...16).contains(lanes), (1...64).contains(passes), (8 * lanes...1_048_576).contains(memoryKiB) else { return nil }
            self.init(uncheckedMemoryKiB: memoryKiB, passes: passes, lanes: lanes)
        }

        private init(uncheckedMemoryKiB: UInt32, passes: UInt32, lanes: UInt32) {
            memoryKiB = uncheckedMemoryKiB
            self.passes = passes
            self.lanes = lanes
        }

        /// Whether a hash with these parameters should be made anew with `other`: one of them rose.
        public func areWeaker(than other: Parameters) -> Bool {
            memoryKiB < other.memoryKiB || passes < other.passes || lanes < other.lanes
        }
    }

    /// The library refused: not enough memory, or parameters it doesn't take.
    public struct Failure: Error, Sendable {
        public let code: Int32
    }

    /// - Parameters:
    ///   - salt: at least 8 random bytes; 16 for passwords.
    ///   - length: bytes of output, 4…64.
    ///   - memory: the calling thread's work memory, wiped before this returns.
    public static func hash(
        password: [UInt8], salt: [UInt8], parameters: Parameters, length: Int = 32, memory: borrowing WorkMemory
    ) throws(Failure) -> [UInt8] {
        try raw(password: password, salt: salt, secret: [], associated: [], parameters: parameters, length: length, memory: memory)
    }

    /// The whole function of RFC 9106, with secret and associated data, as its test vectors use it.
    static func raw(
        password: [UInt8], salt: [UInt8], secret: [UInt8], associated: [UInt8],
        parameters: Parameters, length: Int, memory: borrowing WorkMemory
    ) throws(Failure) -> [UInt8] {
        var password = password
        var salt = salt
        var secret = secret
        var associated = associated
        var output = [UInt8](repeating: 0, count: length)
        let code = output.withUnsafeMutableBufferPointer { output in
            password.withUnsafeMutableBufferPointer { password in
                salt.withUnsafeMutableBufferPointer { salt in
                    secret.withUnsafeMutableBufferPointer { secret in
                        associated.withUnsafeMutableBufferPointer { associated in
                            var context = argon2_context()
                            context.out = output.baseAddress
                            context.outlen = UInt32(output.count)
                            context.pwd = password.baseAddress
                            context.pwdlen = UInt32(password.count)
                            context.salt = salt.baseAddress
                            context.saltlen = UInt32(salt.count)
                            context.secret = secret.baseAddress
                            context.secretlen = UInt32(secret.count)
                            context.ad = associated.baseAddress
                            context.adlen = UInt32(associated.count)
                            context.t_cost = parameters.passes
                            context.m_cost = parameters.memoryKiB
                            context.lanes = parameters.lanes
                            context.threads = parameters.lanes
                            context.version = UInt32(ARGON2_VERSION_13.rawValue)
                            return memory.lend { allocate, free in
                                context.allocate_cbk = allocate
                                context.free_cbk = free
                                return argon2_ctx(&context, Argon2_id)
                            }
                        }
                    }
                }
            }
        }
        guard code == 0 else { throw Failure(code: code) }
        return output
    }
}
