import OneTimePassword

/// How many right codes one core verifies in a second, without database and network.
struct CodeVerification {
    let seconds: Double

    func run() {
        let secret = (UInt8(0)..<20).map { $0 &* 37 }
        let password = OneTimePassword.standard
        let codes = (Int64(0)..<1_024).map { password.code(secret: secret, counter: $0) }
        var count = 0
        let start = OpenLoopClient.now()
        while OpenLoopClient.now() - start < seconds {
            for (step, code) in zip(Int64(0)..., codes)
            where password.matchingStep(of: code, secret: secret, around: step, reach: 1) == step { count += 1 }
        }
        print("{\"per_second\":\(Int(Double(count) / (OpenLoopClient.now() - start)))}")
    }
}
