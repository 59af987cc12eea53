"""How long a refusal takes says nothing about whether an account exists (LG-02)."""

import os
import statistics
import time

from parts.postern import PASSWORD, direct

ROUNDS = 1000 if os.environ.get("POSTERN_SOAK") else 100


def seconds(session, postern, email: str, status: int = 401, **headers) -> float:
    begin = time.perf_counter()
    answer = session.post(
        f"http://127.0.0.1:{postern.port}/auth/v1/sign-in", json={"email": email, "password": "not the right words"},
        headers={"Host": postern.authority} | headers, timeout=15)
    assert answer.status_code == status
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
            # A hundred wrong ones in a row would lock it.
            if number % 50 == 49:
                assert postern.try_sign_in("known@example.com", PASSWORD).status_code == 200
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


def test_a_lock_of_a_known_and_an_unknown_address_takes_the_same_time(make_postern):
    """LG-12: with a browser's mark too, which is looked for where there is no account."""
    postern = make_postern().start()
    postern.make_account("known@example.com")
    emails = ["known@example.com", "nobody@example.com"]
    mark = {"Postern-Browser": "A" * 43}
    with direct() as session:
        for email in emails:
            for _ in range(100):
                seconds(session, postern, email)
        times = {email: [] for email in emails}
        for number in range(3 * ROUNDS):
            for email in emails if number % 2 else reversed(emails):
                times[email].append(seconds(session, postern, email, 403, **mark))
    curve = area_under_curve(*times.values())
    assert abs(curve - 0.5) <= (0.05 if ROUNDS == 1000 else 0.15), f"the area under the curve is {curve:.3f}"
