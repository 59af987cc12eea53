import Storage

/// How a typed code is counted or spent: verbs in the right order, without SQL of its own.
extension Transaction {
    /// Spends a code, or counts a wrong one: each a single conditional statement.
    borrowing func settle(_ match: CodeMatch, of account: Account.ID, now: Timestamp) throws(StoreError) -> FactorCheck.Result {
        try lockFactors(of: account)
        switch match {
        case .step(let step, let id, let clock):
            let isSpent = try spend(step, clock, of: id, account, unlessStoppedAt: CodeLimits.stopAt, now: now)
            if isSpent {
                try clearFailures(of: account, method: "totp")
                return .accepted(.authenticator(id))
            }
            return try refuse(step, clock, of: id, account, now: now)
        case .none(let strays):
            // A code that was accepted is no guess, however long ago.
            for stray in strays where try wasLastUsed(stray.step, of: stray.authenticator, account) { return .refused(.used) }
            guard try countFailure(of: account, now: now) else { return .refused(try wait(account)) }
            for stray in strays where try learn(stray, of: account) { return .refused(.clockOff(seconds: stray.error)) }
            return .refused(.wrong)
        }
    }

    /// Why a right code was not enough.
    private borrowing func refuse(
        _ step: Int64, _ clock: AuthenticatorClock, of id: Authenticator.ID, _ account: Account.ID, now: Timestamp
    ) throws(StoreError) -> FactorCheck.Result {
        let tries = try codeTries(of: account)
        if tries.nextAt > now { return .refused(.wait(until: tries.nextAt)) }
        // Used before, or the authenticator is gone; else the account is stopped, and the code counts towards lifting that.
        guard try spend(step, clock, of: id, account, unlessStoppedAt: .max, now: now) else { return .refused(.used) }
        guard let isLifted = try countRightCode(of: account, now: now) else { return .refused(try wait(account)) }
        if isLifted { return .accepted(.authenticator(id)) }
        return .refused(.moreNeeded(CodeLimits.rightOnesToLift - 1 - tries.streak, from: now + CodeLimits.wait))
    }

    private borrowing func wait(_ account: Account.ID) throws(StoreError) -> CodeVerdict {
        .wait(until: try codeTries(of: account).nextAt)
    }

    /// Counts or spends. A recovery code works also while app codes must wait, and ends that.
    borrowing func settle(_ prepared: FactorCheck.Prepared, of account: Account.ID, now: Timestamp) throws(StoreError) -> FactorCheck.Result
    {
        switch prepared {
        case .code(let match): return try settle(match, of: account, now: now)
        case .recoveryHash(let hash):
            if let hash, try spendRecoveryCode(hash: hash, of: account, now: now) {
                try clearFailures(of: account, method: "recovery_code")
                return .accepted(.recoveryCode)
            }
            // 80 random bits can't be guessed: counting these would only let somebody stop the owner's codes. The attempt counts its tries.
            return .refused(.wrong)
        case .phoneCode(let typed, let method): return try settle(typed, of: account, method: method, now: now)
        }
    }

    /// Removes every factor of an account, and what depends on them.
    /// - Returns: how many authenticators and numbers there were.
    borrowing func removeAllFactors(of account: Account.ID) throws(StoreError) -> Int {
        let count = try removeAuthenticators(of: account) + removePhones(of: account)
        try endWishes(of: account)
        try removeRecoverySets(of: account)
        try clearSecondFactor(of: account)
        try endTrust(of: account)
        try endChallenges(of: account)
        try forgetFactorProofs(of: account)
        return count
    }
}
