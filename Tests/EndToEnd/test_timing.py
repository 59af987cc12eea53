"""How long a refusal takes says nothing about whether an account exists (LG-02)."""

import os
import statistics
import time

from parts.postern import PASSWORD, direct

ROUNDS = 1000 if os.environ.get("POSTERN_SOAK") else 100


def seconds(session, postern, email: str) -> float:
    begin = time.perf_counter()
    answer = session.post(
        f"http://127.0.0.1:{postern.port}/auth/v1/sign-in", json={"email": email, "password": "not the right words"},
        headers={"Host": postern.authority}, timeout=15)
    assert answer.status_code == 401
    return time.perf_counter() - begin


def area_under_curve(left: list[float], right: list[float]) -> float:
    """The chance that a left time is longer than a right one: 0.5 where nothing can be told apart."""
    ranked = sorted([(value, 0) for value in left] + [(value, 1) for value in right])
    ranks = sum(rank for rank, (_, side) in enumerate(ranked, 1) if side == 0)
    return (ranks - len(left) * (len(left) + 1) / 2) / (len(left) * len(right))


def test_a_known_and_an_unknown_address_take_the_same_time(make_postern):
    """Interleaved, so that whatever else the machine does hits both alike."""
    postern = make_postern(settings="hashing: {threads: 1}\n").start()
    postern.make_account("known@example.com")
    with direct() as session:
        seconds(session, postern, "known@example.com")
        known, unknown = [], []
        for number in range(ROUNDS):
            pair = [(known, "known@example.com"), (unknown, f"nobody{number}@example.com")]
            for times, email in pair if number % 2 else reversed(pair):
                times.append(seconds(session, postern, email))
    gap = abs(statistics.median(known) - statistics.median(unknown)) / statistics.median(known)
    curve = area_under_curve(known, unknown)
    # 1,000 of each tell 2 % apart; a tenth of that is too few for so fine a line.
    limit, width = (0.02, 0.05) if ROUNDS == 1000 else (0.1, 0.15)
    assert gap <= limit, f"the medians are {gap:.1%} apart"
    assert abs(curve - 0.5) <= width, f"the area under the curve is {curve:.3f}"
    assert postern.try_sign_in("known@example.com", PASSWORD).status_code == 200
