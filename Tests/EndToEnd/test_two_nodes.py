"""Two nodes on one PostgreSQL: what one knows, the other knows within a second."""

import os
import secrets
import subprocess
import time
from urllib.parse import urlsplit

import pytest

from parts.choosing import NEXT, ask, change, links, reset
from parts.member import Member
from parts.postern import PASSWORD, at_once, reason
from parts.processes import real, wait_for


def sql(url: str, text: str) -> str:
    done = subprocess.run([real("psql"), url, "-X", "-A", "-t", "-q", "-c", text], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def database():
    """A database of our own, so that its connections can be told from others'."""
    base = os.environ.get("POSTERN_TEST_POSTGRES")
    if not base:
        raise RuntimeError("POSTERN_TEST_POSTGRES is not set: Scripts/postgres.sh start FOLDER prints it.")
    name = f"end_to_end_{secrets.token_hex(4)}"
    sql(base, f"CREATE DATABASE {name}")
    url = urlsplit(base)
    yield f"{url.scheme}://{url.netloc}/{name}?{url.query}"
    sql(base, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def nodes(database, make_postern, tmp_path):
    """Two running nodes with one database and one key ring."""
    settings = f"key-ring-file: {tmp_path}/key-ring.json\n"
    first = make_postern("first", settings=settings, database=database).start()
    second = make_postern("second", settings=settings, database=database).start()
    return first, second


@pytest.fixture
def email(nodes) -> str:
    email = f"ada-{secrets.token_hex(4)}@example.org"
    nodes[0].make_account(email)
    return email


def test_a_session_made_on_one_node_works_on_the_other_and_its_end_is_known_within_a_second(nodes, email):
    first, second = nodes
    token = first.sign_in(email)
    assert [node.gate_status(token) for node in nodes] == [200, 200]
    ended = first.request("DELETE", "/auth/v1/session", headers={"Authorization": f"Bearer {token}"})
    assert ended.status_code == 204
    assert first.gate_status(token) == 401
    wait_for("the other node to refuse", lambda: second.gate_status(token) == 401, 1)


def test_a_closed_account_is_refused_on_both_nodes_within_a_second(nodes, email):
    tokens = [node.sign_in(email) for node in nodes]
    assert [node.gate_status(token) for node in nodes for token in tokens] == [200] * 4
    nodes[0].command("account", "disable", email)
    wait_for("both nodes to refuse", lambda: {node.gate_status(token) for node in nodes for token in tokens} == {401}, 1)
    assert [node.try_sign_in(email).status_code for node in nodes] == [401, 401]


def test_a_link_that_one_node_mailed_opens_on_the_other(nodes):
    first, second = nodes
    email = f"new-{secrets.token_hex(4)}@example.org"
    assert first.sign_up(email).status_code == 202

    def letters():
        # Either node's worker may have taken the job.
        return [letter for node in nodes for letter in node.get("/auth/dev/mailbox", headers={"Accept": "application/json"}).json()
                if letter["to"] == email]
    [letter] = wait_for("the mail", letters, 10)
    token = letter["text"].split("/auth/confirm/")[1].split()[0]
    confirmed = second.request("POST", "/auth/v1/accounts/confirm", json={"token": token, "password": "four unrelated plain words"})
    assert confirmed.status_code in (200, 204)
    assert first.try_sign_in(email).status_code == 200


@pytest.fixture
def ada(nodes, email) -> Member:
    """Somebody with an app and recovery codes."""
    return Member(nodes[0], "with-app-" + email).with_app()


@pytest.mark.parametrize("method", ["totp", "recovery_code"])
def test_a_code_that_arrives_on_both_nodes_at_once_opens_one_sign_in(nodes, ada, method):
    """TO-02, RC-02."""
    attempts = [ada.attempt(node) for node in nodes * 5]
    code = ada.phone.code() if method == "totp" else ada.codes[0]
    # Each is finished on the node where it didn't begin.
    answers = at_once([
        lambda attempt=attempt, node=node: ada.finish(attempt, code, method, node) for attempt, node in zip(attempts, nodes[::-1] * 5)])
    assert [answer.status_code for answer in answers].count(200) == 1
    assert {reason(answer) for answer in answers if answer.status_code != 200} == {
        (401, "code-used" if method == "totp" else "wrong-code")}


def test_a_used_code_stays_used_after_a_restart_and_wrong_ones_stay_counted(nodes, ada):
    """TO-03, TO-05."""
    code = ada.phone.code()
    assert ada.finish(ada.attempt(), code).status_code == 200
    attempt = ada.attempt()
    for _ in range(9):
        assert reason(ada.finish(attempt, ada.phone.wrong())) == (401, "wrong-code")
    for node in nodes:
        node.restart()
    for node in nodes:
        assert reason(ada.finish(ada.attempt(node), code, node=node)) == (401, "code-used")
    assert reason(ada.finish(attempt, ada.phone.wrong())) == (401, "wrong-code")
    assert {reason(ada.finish(ada.attempt(), ada.phone.wrong(), node=node)) for node in nodes} == {(429, "codes-wait")}


def test_factors_that_are_removed_on_one_node_count_for_nothing_on_the_other_within_a_second(nodes, ada):
    token = ada.sign_in()
    assert [node.get("/auth/request", headers={"Cookie": f"postern={token}"}).headers["Remote-Assurance"] for node in nodes] == ["aal2"] * 2
    nodes[0].command("account", "reset-factors", ada.email)
    for node in nodes:
        wait_for("the session to be worth less", lambda: node.get(
            "/auth/request", headers={"Cookie": f"postern={token}"}).headers["Remote-Assurance"] == "aal1", 1)
    assert ada.begin(nodes[1])["next"] == "done"


def test_killed_database_connections_are_survived_without_a_restart(nodes, email, database):
    token = nodes[0].sign_in(email)
    pids = [node.process.pid for node in nodes]
    for _ in range(3):
        killed = sql(database, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                               "WHERE datname = current_database() AND pid <> pg_backend_pid()")
        assert int(killed) >= 2
        assert [node.gate_status(token) for node in nodes] == [200, 200]
        time.sleep(0.1)
        for node in nodes:
            wait_for("a sign-in", lambda: node.try_sign_in(email).status_code == 200, 5)
    assert [node.process.pid for node in nodes if node.process.lives] == pids
    fresh = nodes[1].sign_in(email)
    nodes[1].request("DELETE", "/auth/v1/session", headers={"Authorization": f"Bearer {fresh}"})
    wait_for("the other node to refuse", lambda: nodes[0].gate_status(fresh) == 401, 1)


def test_a_link_to_choose_another_password_works_once_on_whichever_node_and_ends_sessions_on_both(nodes, email, database):
    """RC-06, RC-08."""
    first, second = nodes
    tokens = [node.sign_in(email) for node in nodes]
    assert [node.gate_status(token) for node in nodes for token in tokens] == [200] * 4
    assert ask(first, email).status_code == 202
    # Either node's worker may have taken the job.
    [link] = wait_for("the mail", lambda: links(first, email) + links(second, email))
    link = link.rsplit("/", 1)[1]
    passwords = [f"{NEXT} number {number}" for number in range(8)]
    answers = at_once([
        lambda node=node, password=password: reset(node, link, password) for node, password in zip([second, first] * 4, passwords)])
    assert sorted(answer.status_code for answer in answers) == [204] + [410] * 7
    for node in nodes:
        wait_for("all sessions to end", lambda: {node.gate_status(token) for token in tokens} == {401}, 1)
    winner = [answer.status_code for answer in answers].index(204)
    assert [node.try_sign_in(email, passwords[winner]).status_code for node in nodes] == [200, 200]
    # Two minutes count on both together.
    before = sql(database, "SELECT count(*) FROM job")
    assert [ask(node, email).status_code for node in nodes] == [202, 202]
    assert sql(database, "SELECT count(*) FROM job") == before


def test_a_change_on_one_node_ends_the_other_sessions_on_the_other_within_a_second(nodes, email):
    """SE-06."""
    first, second = nodes
    here, there, elsewhere = first.sign_in(email), first.sign_in(email), second.sign_in(email)
    assert [node.gate_status(token) for node in nodes for token in (here, there, elsewhere)] == [200] * 6
    assert change(first, here, PASSWORD).status_code == 204
    wait_for("the other node to refuse", lambda: {second.gate_status(token) for token in (there, elsewhere)} == {401}, 1)
    assert [node.gate_status(here) for node in nodes] == [200, 200]
    assert [node.try_sign_in(email, password).status_code for node in nodes for password in (PASSWORD, NEXT)] == [401, 200] * 2
