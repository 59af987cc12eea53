"""Stolen passwords: the filter file on this machine, the range service, and what happens where neither answers (PW-08, PW-09)."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest

from parts.meter import error_in, reading_in
from parts.postern import Postern, at_once, direct, link_in, reason
from parts.processes import plain_environment, wait_for
from parts.range_service import RangeService, sha1
from parts.visitor import Visitor
from test_faults import start_in_vain

STOLEN = "quokka garden fjord"
CLEAN = "zygote lantern fjord"
SECURITY = "/auth/account/security"
MAIL = "Your password is known"
HASHES = 1_000_000 if os.environ.get("POSTERN_SOAK") == "1" else 200_000
STANDS = "Your password stands on lists of passwords that were stolen from other sites."
MAY_STAND = "Your password may stand on lists of passwords that were stolen from other sites."


class Filters:
    """The commands that make and read filter files."""

    def __init__(self, binary: str, folder: Path):
        self.binary, self.folder = binary, folder

    def run(self, *arguments, text: str = "") -> subprocess.CompletedProcess:
        return subprocess.run([self.binary, "password", "breached", *map(str, arguments)], input=text, capture_output=True, text=True,
                              timeout=120, env=plain_environment(self.folder), cwd=self.folder)

    def write(self, name: str, text: str | bytes) -> Path:
        file = self.folder / name
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def build(self, target: Path, *passwords: str, bits: int = 16) -> Path:
        """A filter of these and a few thousand others."""
        others = [sha1(f"other {number}") for number in range(3_000)]
        lists = self.write(f"{target.name}.txt", "\n".join([*map(sha1, passwords), *others]))
        done = self.run("build", lists, "--output", target, "--bits", bits)
        assert done.returncode == 0, done.stderr
        return target

    def figures(self, file: Path) -> dict:
        done = self.run("show", "--json", file)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def answers(self, file: Path, *passwords: str) -> list[str]:
        done = self.run("check", "--json", "--filter", file, text="".join(password + "\n" for password in passwords))
        return [json.loads(line)["answer"] for line in done.stdout.splitlines()]


@pytest.fixture
def filters(binary, tmp_path) -> Filters:
    return Filters(binary, tmp_path)


@pytest.fixture
def service():
    made = RangeService().start()
    yield made
    made.stop()


def asks(service: RangeService, more: str = "") -> str:
    return f"password: {{breached: {{url: '{service.url}'{more}}}}}\n"


def acceptable(postern: Postern, password: str) -> bool:
    answer = postern.request("POST", "/auth/v1/password/strength", json={"password": password})
    assert answer.status_code == 200, answer.text
    return answer.json()["acceptable"]


def confirm(postern: Postern, email: str, password: str) -> Visitor:
    """Follows the mailed link and signs in."""
    visitor = Visitor(postern)
    letter = wait_for("the link", lambda: postern.letter(email, "Confirm your address"))
    visitor.get(link_in(letter["text"]).removeprefix(postern.public_url))
    assert visitor.post("/auth/confirm", "/auth/confirm", password=password).status_code == 303
    assert visitor.sign_in(email, password).status_code == 303
    return visitor


def sign_in(postern: Postern, email: str, password: str) -> Visitor:
    visitor = Visitor(postern)
    assert visitor.sign_in(email, password).status_code == 303
    return visitor


def mails(postern: Postern, email: str) -> list[dict]:
    return [letter for letter in postern.letters(email) if letter["subject"].startswith(MAIL)]


# The filter file.


def test_a_filter_is_made_from_lists_in_every_shape_they_come_in(filters):
    plain = filters.write("plain.txt", "".join(sha1(f"a{number}") + "\n" for number in range(500)))
    counts = filters.write("counts.txt", "".join(f"{sha1(f'b{number}')}:{number + 1}\r\n" for number in range(500)))
    # Every second has the count 0: padding, as range answers have. The last line has no end.
    lower = filters.write("lower.txt", "".join(f"{sha1(f'c{number}').lower()}:{number % 2}\n" for number in range(500)) + sha1("last").lower())
    again = filters.write("again.txt", plain.read_text() + "\n\n" + counts.read_text())
    target = filters.folder / "all.filter"
    done = filters.run("build", plain, counts, lower, again, "--output", target)
    assert (done.returncode, done.stdout) == (0, f"{target}: 1251 hashes.\n"), done.stderr
    listed = [f"{letter}{number}" for letter in "ab" for number in range(500)] + [f"c{number}" for number in range(1, 500, 2)] + ["last"]
    assert set(filters.answers(target, *listed)) == {"found"}
    assert filters.answers(target, *(f"c{number}" for number in range(0, 500, 2))).count("found") <= 1, "padding counts"

    figures = filters.figures(target)
    assert (figures["hashes"], figures["bits"], figures["bytes"]) == (1_251, 16, target.stat().st_size)
    assert figures["bytes"] < 1_251 * 3
    assert abs(time.time() - time.mktime(time.strptime(figures["made_at"], "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 120
    shown = filters.run("show", target)
    assert shown.returncode == 0
    assert re.search(r"^Hashes +1251$", shown.stdout, re.MULTILINE) and "16 bits: errs once in 65,536" in shown.stdout
    assert time.strftime("%Y", time.gmtime()) in shown.stdout and str(figures["bytes"]) in shown.stdout
    assert sorted(path.suffix for path in filters.folder.iterdir()) == [".filter", ".txt", ".txt", ".txt", ".txt"], "something is left over"


def test_check_answers_line_by_line_and_with_its_status(filters):
    target = filters.build(filters.folder / "one.filter", STOLEN, "pässwörter-überall")
    done = filters.run("check", "--filter", target, text=f"{CLEAN}\n{STOLEN}\n{STOLEN} \n")
    assert done.stdout.splitlines() == ["Not on the list.", "On the list: stolen somewhere, and tried first.", "Not on the list."]
    assert done.returncode == 1
    assert filters.run("check", "--filter", target, text=f"{CLEAN}\n").returncode == 0
    done = filters.run("check", "--json", "--filter", target, text=f"{STOLEN}\n{CLEAN}")
    assert (done.returncode, done.stdout) == (1, '{"answer":"found"}\n{"answer":"clean"}\n')
    # As it is hashed, whatever form it is typed in.
    assert filters.answers(target, "pa\u0308sswo\u0308rter-u\u0308berall") == ["found"]
    half = filters.build(filters.folder / "half.filter", STOLEN, bits=8)
    done = filters.run("check", "--filter", half, text=f"{STOLEN}\n")
    assert (done.returncode, done.stdout) == (0, "Perhaps on the list: this filter errs once in 256.\n")
    assert filters.answers(half, STOLEN) == ["suspected"]
    assert half.stat().st_size < target.stat().st_size * 0.6
    assert "8 bits: errs once in 256" in filters.run("show", half).stdout
    nothing = filters.run("check", text="x\n")
    assert nothing.returncode == 1 and "There is no list to ask." in nothing.stderr and "--filter" in nothing.stderr


@pytest.mark.parametrize("line", [
    "not a hash", sha1("a")[:39], sha1("a") + "0", sha1("a")[:39] + "g", sha1("a") + " 5", sha1("a") + ",5", " " + sha1("a"), "\ufeff" + sha1("a"),
    "5:" + sha1("a"), "x" * 10_000,
], ids=lambda line: repr(line.replace(sha1("a"), "HASH"))[:30])
def test_a_bad_line_is_named_and_an_existing_filter_stays(filters, line):
    target, before = filters.write("kept.filter", b"a filter"), b"a filter"
    lists = filters.write("bad.txt", f"{sha1('x')}\n{sha1('y')}:4\n{line}\n{sha1('z')}\n")
    for file in (target, filters.folder / "new.filter"):
        done = filters.run("build", lists, "--output", file)
        assert (done.returncode, done.stdout) == (1, "")
        assert len(done.stderr.splitlines()) == 1 and f"{lists}, line 3" in done.stderr, done.stderr
    assert target.read_bytes() == before
    assert sorted(path.name for path in filters.folder.iterdir()) == ["bad.txt", "kept.filter"], "something is left over"


def test_what_is_no_list_and_no_filter_is_told(filters):
    target = filters.build(filters.folder / "kept.filter", STOLEN)
    before = target.read_bytes()
    done = filters.run("build", filters.folder / "missing.txt", "--output", target)
    assert done.returncode == 1 and "missing.txt" in done.stderr and "No such file or directory" in done.stderr
    done = filters.run("build", filters.folder, "--output", target)
    assert done.returncode == 1 and str(filters.folder) in done.stderr
    done = filters.run("build", filters.folder / "kept.filter.txt", "--output", filters.folder / "not" / "there.filter")
    assert done.returncode == 1 and "there.filter" in done.stderr
    assert target.read_bytes() == before
    for name, content in {"empty": b"", "short": before[:20], "words": b"no filter at all" * 100, "half": before[: len(before) // 2],
                          "mark": b"PBREACH2" + before[8:], "bits": before[:8] + b"\x0c\0\0\0" + before[12:], "shards": before[:12] + b"\x1f\0\0\0" + before[16:],
                          "far": before[:48] + b"\xff" * 8 + before[56:]}.items():
        spoiled = filters.write(name, content)
        for command in (("show", spoiled), ("check", "--filter", spoiled)):
            done = filters.run(*command, text="x\n")
            assert done.returncode == 1 and str(spoiled) in done.stderr and len(done.stderr.splitlines()) == 1, f"{name}: {done.stderr}"
    assert filters.run("show", filters.folder / "nowhere").returncode == 1
    assert filters.run("build", filters.folder / "kept.filter.txt", "--output", target, "--bits", 12).returncode == 64
    nothing = filters.write("nothing.txt", f"\n{sha1('padding')}:0\n")
    done = filters.run("build", nothing, "--output", target)
    assert (done.returncode, done.stderr) == (1, "postern: No hash was found. Nothing was written.\n")
    lists = filters.folder / "kept.filter.txt"
    done = filters.run("build", lists, "--output", lists)
    assert done.returncode == 1 and f"{lists} is one of the lists. Nothing was written" in done.stderr and sha1(STOLEN) in lists.read_text()
    assert target.read_bytes() == before


def test_all_hashes_of_a_large_list_are_found_and_hardly_any_others(filters):
    """A million of them in the long rounds."""
    passwords = [f"listed {number}" for number in range(HASHES)]
    lists = filters.write("large.txt", "".join(sha1(password) + ":1\n" for password in passwords))
    target = filters.folder / "large.filter"
    assert filters.run("build", lists, "--output", target).stdout == f"{target}: {HASHES} hashes.\n"
    assert filters.figures(target)["bytes"] < HASHES * 2.5
    assert filters.answers(target, *passwords).count("found") == HASHES
    # One of 65,536 is taken for one: of 200,000 about three.
    assert filters.answers(target, *(f"other {number}" for number in range(200_000))).count("found") <= 16


def test_a_small_filter_errs_once_in_256(filters):
    target = filters.build(filters.folder / "small.filter", STOLEN, bits=8)
    # Of 50,000 about 195, give or take 14.
    assert 120 <= filters.answers(target, *(f"another {number}" for number in range(50_000))).count("suspected") <= 270


# Serving with a filter.


def with_filter(make_postern, file: Path, more: str = "", name: str = "postern") -> Postern:
    return make_postern(name, settings=f"password: {{breached: {{filter: '{file}'{more}}}}}\n")


def test_a_listed_passphrase_is_refused_by_every_way(make_postern, filters):
    postern = with_filter(make_postern, filters.build(filters.folder / "list.filter", STOLEN)).start()
    refusal = "It stands on lists of passwords that were stolen from other sites, and those are tried first."
    answer = postern.sign_up("ada@example.org", STOLEN)
    assert reason(answer) == (422, "password-breached") and answer.json()["field"] == "password" and answer.json()["detail"].startswith(refusal)
    page = Visitor(postern).post("/auth/sign-up", "/auth/sign-up", email="ada@example.org", password=STOLEN)
    assert page.status_code == 422 and error_in(page.text).startswith(refusal)
    assert reading_in(page.text) is None, "how long it would hold says nothing"
    found = postern.request("POST", "/auth/v1/password/strength", json={"password": STOLEN}).json()
    assert (found["acceptable"], found["reason"], found["score"]) == (False, "password-breached", 4)
    done = postern.run("account", "create", "--email", "ada@example.org", "--password-stdin", text=STOLEN + "\n")
    assert done.returncode == 1 and refusal in done.stderr
    assert postern.accounts() == []
    host = Visitor(postern)
    host.get(re.search(r"/auth/setup/\S+", postern.output()).group())
    page = host.post("/auth/setup", "/auth/setup", email="ada@example.org", password=STOLEN)
    assert page.status_code == 422 and error_in(page.text).startswith(refusal)
    assert acceptable(postern, CLEAN) and postern.sign_up("ada@example.org", CLEAN).status_code == 202


def test_a_filter_that_is_missing_or_spoiled_stops_the_start(make_postern, filters):
    line = start_in_vain(with_filter(make_postern, filters.folder / "missing.filter"))
    assert f"{filters.folder}/missing.filter can't be read: No such file or directory" in line
    spoiled = filters.write("spoiled.filter", b"PBREACH1" + bytes(10))
    line = start_in_vain(with_filter(make_postern, spoiled, name="other"))
    assert f"{spoiled} is no whole filter" in line and "postern password breached build" in line


def test_a_new_filter_takes_the_old_ones_place_while_the_server_runs(make_postern, filters):
    target = filters.build(filters.folder / "list.filter", STOLEN)
    postern = with_filter(make_postern, target).start()
    assert not acceptable(postern, STOLEN) and acceptable(postern, CLEAN)
    filters.build(target, CLEAN)
    wait_for("the new filter", lambda: not acceptable(postern, CLEAN), 2)
    assert acceptable(postern, STOLEN)

    whole = target.read_bytes()
    for number, spoiled in enumerate([b"", whole[: len(whole) // 2], whole[:-1], os.urandom(len(whole))]):
        filters.write(f"spoiled-{number}", spoiled).rename(target)
        time.sleep(1.1)
        assert not acceptable(postern, CLEAN) and acceptable(postern, STOLEN), f"spoiled filter {number} took its place"
    target.unlink()
    time.sleep(1.1)
    assert not acceptable(postern, CLEAN) and acceptable(postern, STOLEN)
    filters.build(target, STOLEN)
    wait_for("the whole one", lambda: not acceptable(postern, STOLEN), 2)
    assert acceptable(postern, CLEAN) and postern.process.lives


def test_while_filters_are_replaced_every_answer_is_right(make_postern, filters):
    target, kept = filters.folder / "list.filter", "always on the list"
    variants = []
    for number in range(4):
        file = filters.folder / f"variant-{number}"
        variants.append(filters.build(file, kept, f"only on list {number}", *(f"{number} filler {more}" for more in range(number * 4_000))).read_bytes())
    filters.write("list.filter", variants[0])
    postern = with_filter(make_postern, target).start()
    over, calls, wrong = threading.Event(), [0, 0, 0], []

    def ask(kind: int):
        number = 0
        with direct() as session:
            while not over.is_set():
                number += 1
                password = kept if number % 2 else CLEAN
                if kind < 2:
                    answer = session.post(f"http://127.0.0.1:{postern.port}/auth/v1/password/strength", json={"password": password},
                                          headers={"Host": postern.authority}, timeout=15)
                    right = answer.status_code == 200 and answer.json()["acceptable"] == (password == CLEAN)
                else:
                    answer = postern.sign_up(f"burst-{number}@example.org", password)
                    right = answer.status_code == (202 if password == CLEAN else 422)
                calls[kind] += 1
                if not right:
                    wrong.append((answer.status_code, answer.text[:200]))
    threads = [threading.Thread(target=ask, args=(kind,)) for kind in range(3)]
    for thread in threads:
        thread.start()
    seen = set()
    try:
        for round in range(1, 21):
            filters.write("next", variants[round % 4]).rename(target)
            # Not all are looked at: the name is, once a second.
            time.sleep(0.25)
            seen |= {number for number in range(4) if not acceptable(postern, f"only on list {number}")}
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert wrong == [] and min(calls) >= 10, calls
    assert len(seen) >= 2, "none of them took effect"
    wait_for("the last one", lambda: not acceptable(postern, "only on list 0"), 2)
    assert postern.process.lives and "Fatal error" not in postern.log()


@pytest.mark.parametrize("how", ["cut", "overwritten"])
def test_a_filter_that_is_changed_in_place_does_not_end_the_server(make_postern, filters, how):
    """Whoever copies a list over another means no harm."""
    target, other = filters.folder / "list.filter", filters.folder / "other.filter"
    filters.build(target, STOLEN, *(f"filler {number}" for number in range(20_000)))
    filters.build(other, CLEAN, *(f"filler {number}" for number in range(3_000)))
    postern = with_filter(make_postern, target).start()
    # The name is looked at once a second: this look is a fresh one, and the next comes too late.
    time.sleep(1.1)
    assert not acceptable(postern, STOLEN)
    if how == "cut":
        os.truncate(target, 0)
    else:
        shutil.copyfile(other, target)
    for number in range(40):
        assert acceptable(postern, f"{CLEAN} {number}") in (True, False)
        time.sleep(0.03)
    assert postern.process.lives


def test_a_small_filter_only_warns(make_postern, filters):
    postern = with_filter(make_postern, filters.build(filters.folder / "small.filter", STOLEN, bits=8)).start()
    assert acceptable(postern, STOLEN), "what errs once in 256 refuses nobody"
    assert postern.sign_up("ada@example.org", STOLEN).status_code == 202
    page = confirm(postern, "ada@example.org", STOLEN).get(SECURITY).text
    assert MAY_STAND in page and STANDS not in page
    done = postern.run("account", "create", "--email", "eve@example.org", "--password-stdin", "--confirmed", text=STOLEN + "\n")
    assert done.returncode == 0
    assert MAY_STAND in sign_in(postern, "eve@example.org", STOLEN).get(SECURITY).text
    # Words that the filter doesn't know, so that it doesn't err.
    clean = next(f"{CLEAN} {number}" for number in range(50) if filters.answers(filters.folder / "small.filter", f"{CLEAN} {number}") == ["clean"])
    postern.make_account("bob@example.org", password=clean)
    assert MAY_STAND not in sign_in(postern, "bob@example.org", clean).get(SECURITY).text
    assert mails(postern, "ada@example.org") == [], "who chose it was told on the page"


# At sign-in.


def test_a_password_that_turns_out_to_be_stolen_is_told_once_at_sign_in(make_postern, filters):
    before = make_postern("before").start()
    for email, password in {"ada@example.org": STOLEN, "bob@example.org": CLEAN}.items():
        before.make_account(email, password=password)
    before.stop()
    target = filters.build(filters.folder / "list.filter", STOLEN)
    off = with_filter(make_postern, target, name="before").start()
    page = sign_in(off, "ada@example.org", STOLEN).get(SECURITY).text
    assert STANDS not in page and MAY_STAND not in page, "it is looked at although nobody asked for it"
    off.stop()

    postern = with_filter(make_postern, target, ", at-sign-in: warn", name="before").start()
    for _ in range(3):
        assert STANDS in sign_in(postern, "ada@example.org", STOLEN).get(SECURITY).text
    assert postern.try_sign_in("ada@example.org", STOLEN).status_code == 200, "it is only a warning"
    assert postern.try_sign_in("ada@example.org", CLEAN).status_code == 401
    assert STANDS not in sign_in(postern, "bob@example.org", CLEAN).get(SECURITY).text
    [letter] = wait_for("the mail", lambda: mails(postern, "ada@example.org"))
    assert "stands on lists of passwords that were stolen from other sites" in " ".join(letter["text"].split())
    assert link_in(letter["text"]) == f"{postern.public_url}{SECURITY}"
    assert STOLEN not in letter["text"] and sha1(STOLEN)[:10].lower() not in letter["text"].lower()
    postern.restart()
    sign_in(postern, "ada@example.org", STOLEN)
    # Mails are kept in memory: after the restart there would be a second one.
    time.sleep(1.5)
    assert mails(postern, "ada@example.org") == [] and mails(postern, "bob@example.org") == []
    with sqlite3.connect(postern.sqlite) as database:
        assert database.execute("SELECT COUNT(*) FROM breached_password").fetchone() == (1,)


def test_at_sign_in_the_service_is_asked_afterwards_and_nobody_waits_for_it(make_postern, service):
    before = make_postern("node").start()
    before.make_account("ada@example.org", password=STOLEN)
    before.stop()
    service.lists(STOLEN)
    service.always = "hang"
    postern = make_postern("node", settings=asks(service, ", at-sign-in: warn")).start()
    assert postern.try_sign_in("ada@example.org", STOLEN).status_code == 200
    assert postern.try_sign_in("ada@example.org", "a wrong one altogether").status_code == 401
    wait_for("the job to ask", lambda: service.asked(STOLEN))
    assert mails(postern, "ada@example.org") == []
    service.always = ""
    wait_for("the mail", lambda: mails(postern, "ada@example.org"), 20)
    assert STANDS in sign_in(postern, "ada@example.org", STOLEN).get(SECURITY).text
    assert service.asked("a wrong one altogether") == 0, "what signs nobody in is asked about"


# The range service.


def test_the_service_learns_five_digits_and_nothing_else(make_postern, service):
    """PW-08."""
    service.lists(STOLEN)
    postern = make_postern(settings=asks(service)).start()
    assert reason(postern.sign_up("ada@example.org", STOLEN)) == (422, "password-breached")
    page = Visitor(postern).post("/auth/sign-up", "/auth/sign-up", email="ada@example.org", password=STOLEN)
    assert page.status_code == 422 and "stolen from other sites" in error_in(page.text)
    assert postern.sign_up("ada@example.org", CLEAN).status_code == 202
    lines = [seen.line for seen in service.seen]
    assert lines == [f"GET /range/{sha1(password)[:5]} HTTP/1.1" for password in (STOLEN, STOLEN, CLEAN)]
    for seen in service.seen:
        assert sorted((name.lower(), value) for name, value in seen.headers) == [
            ("accept", "text/plain"), ("add-padding", "true"), ("host", f"127.0.0.1:{service.port}"), ("user-agent", "Postern")]

    service.seen.clear()
    postern.sign_up("ada@example.org", "password")
    postern.sign_up("ada@example.org", "gardenzygote")
    assert acceptable(postern, STOLEN), "the estimate asks the service"
    assert service.seen == [], "it is asked about what is refused anyway, or only estimated"
    done = subprocess.run([postern.binary, "password", "breached", "check", "--json", "--config", str(postern.config)], text=True,
                          input=f"{STOLEN}\n{CLEAN}\n", capture_output=True, timeout=20, env=postern.environment)
    assert (done.returncode, done.stdout) == (1, '{"answer":"found"}\n{"answer":"clean"}\n')


def test_padding_and_neighbours_are_not_taken_for_it(make_postern, service):
    service.lists(STOLEN, count=0)
    service.listed[sha1(CLEAN)[:-1] + ("0" if sha1(CLEAN)[-1] != "0" else "1")] = 9
    postern = make_postern(settings=asks(service)).start()
    assert postern.sign_up("ada@example.org", STOLEN).status_code == 202, "a row with the count 0 is padding"
    assert postern.sign_up("bob@example.org", CLEAN).status_code == 202
    service.lists(STOLEN, count=1)
    assert reason(postern.sign_up("ada@example.org", STOLEN)) == (422, "password-breached")
    time.sleep(1)
    assert mails(postern, "ada@example.org") == [] and service.asked(STOLEN) == 2, "a list that answered is asked again"


def test_filter_and_service_are_both_asked(make_postern, filters, service):
    both, only_service = "lantern meadow fjord", "saffron meadow fjord"
    small = filters.build(filters.folder / "small.filter", both, STOLEN, bits=8)
    service.lists(both, only_service)
    postern = make_postern(settings=f"password: {{breached: {{filter: '{small}', url: '{service.url}'}}}}\n").start()
    assert reason(postern.sign_up("a@example.org", both)) == (422, "password-breached")
    assert reason(postern.sign_up("a@example.org", only_service)) == (422, "password-breached")
    # The service knows better than a filter that errs.
    assert postern.sign_up("ada@example.org", STOLEN).status_code == 202
    assert MAY_STAND not in confirm(postern, "ada@example.org", STOLEN).get(SECURITY).text


# The service doesn't do what it should (PW-09).

FAULTS = ["error", "too_many", "empty", "words", "noise", "cut", "redirect", "hang", "drip", "endless"]


def test_whatever_the_service_does_people_sign_up_and_are_told_later(make_postern, service):
    people = {fault: (f"{fault}@example.org", f"quokka garden {fault} fjord") for fault in FAULTS}
    for fault, (_, password) in people.items():
        service.lists(password)
        service.fails(fault, password)
    assert len(service.faults) == len(FAULTS), "two of them begin with the same digits"
    postern = make_postern(settings=asks(service) + "log-level: debug\n").start()

    def sign_up(email: str, password: str):
        begin = time.monotonic()
        answer = postern.sign_up(email, password)
        return answer.status_code, time.monotonic() - begin
    answers = dict(zip(FAULTS, at_once([lambda person=person: sign_up(*person) for person in people.values()])))
    assert {fault: status for fault, (status, _) in answers.items()} == dict.fromkeys(FAULTS, 202)
    # Two seconds for the service, and what the rest takes on a busy machine.
    assert max(seconds for _, seconds in answers.values()) < 5, answers
    assert not [seen.line for seen in service.seen if "/elsewhere/" in seen.line], "it goes where the service sends it"
    confirmed = ("hang", "words")
    inside = [confirm(postern, *people[fault]) for fault in confirmed]
    assert all(STANDS not in visitor.get(SECURITY).text for visitor in inside)
    assert not [email for email, _ in people.values() if mails(postern, email)]
    assert written(postern, [password for _, password in people.values()]) == []

    service.faults.clear()
    with sqlite3.connect(postern.sqlite) as database:
        found = "SELECT COUNT(*) FROM breached_password"
        wait_for("all to be asked about", lambda: database.execute(found).fetchone() == (len(FAULTS),), 30)
    for fault in confirmed:
        wait_for(f"the mail after {fault}", lambda: mails(postern, people[fault][0]))
    assert all(STANDS in visitor.get(SECURITY).text for visitor in inside)
    # None is told twice, nobody is asked about any more, and who never confirmed an address gets no mail there.
    asked = len(service.seen)
    time.sleep(1)
    assert {fault: len(mails(postern, email)) for fault, (email, _) in people.items()} == dict.fromkeys(FAULTS, 0) | dict.fromkeys(confirmed, 1)
    assert len(service.seen) == asked
    assert STANDS in confirm(postern, *people["drip"]).get(SECURITY).text, "who confirms later is not told"
    assert written(postern, [password for _, password in people.values()]) == []


def written(postern: Postern, passwords: list[str]) -> list[str]:
    """Which of them, or of their hashes, can be read in the database's files or the log."""
    files = [path.read_bytes() for path in [*postern.data.rglob("*"), postern.process.log, postern.process.out] if path.is_file()]
    assert len(files) >= 4 and any(file.startswith(b"SQLite format 3") for file in files)
    found = []
    for password in passwords:
        digest = bytes.fromhex(sha1(password))
        secrets = [password.encode(), digest, digest.hex().encode(), digest.hex().upper().encode(), digest.hex().upper()[5:].encode(), digest[:12]]
        found += [password for file in files for secret in secrets if secret in file]
    return found


def test_a_service_that_is_down_is_asked_when_it_is_back_also_after_a_restart(make_postern):
    service = RangeService()
    service.lists(STOLEN)
    postern = make_postern(settings=asks(service)).start()
    for email, password in {"ada@example.org": STOLEN, "bob@example.org": CLEAN}.items():
        assert postern.sign_up(email, password).status_code == 202
        confirm(postern, email, password)
    assert written(postern, [STOLEN, CLEAN]) == []
    postern.restart()
    try:
        service.start()
        wait_for("the mail", lambda: mails(postern, "ada@example.org"), 20)
        assert STANDS in sign_in(postern, "ada@example.org", STOLEN).get(SECURITY).text
        wait_for("the other question", lambda: service.asked(CLEAN), 20)
        assert STANDS not in sign_in(postern, "bob@example.org", CLEAN).get(SECURITY).text
        assert mails(postern, "bob@example.org") == []
    finally:
        service.stop()


def test_who_chose_another_password_meanwhile_is_not_told_of_the_old_one(make_postern):
    service = RangeService()
    service.lists(STOLEN)
    postern = make_postern(settings=asks(service)).start()
    # Whoever signs up again before confirming sets another password.
    assert postern.sign_up("ada@example.org", STOLEN).status_code == 202
    assert postern.sign_up("ada@example.org", CLEAN).status_code == 202
    try:
        service.start()
        wait_for("both questions", lambda: service.asked(STOLEN) and service.asked(CLEAN), 20)
        time.sleep(0.5)
        assert mails(postern, "ada@example.org") == []
        assert STANDS not in confirm(postern, "ada@example.org", CLEAN).get(SECURITY).text
    finally:
        service.stop()


@pytest.mark.parametrize("fault", ["error", "hang"])
def test_where_the_settings_say_so_an_unasked_password_is_refused(make_postern, service, fault):
    service.always = fault
    postern = make_postern(settings=asks(service, ", on-failure: refuse")).start()
    words = "The list of stolen passwords doesn’t answer. Try again in a few minutes."
    answer, page, done = at_once([
        lambda: postern.sign_up("ada@example.org", CLEAN),
        lambda: Visitor(postern).post("/auth/sign-up", "/auth/sign-up", email="ada@example.org", password=CLEAN),
        lambda: postern.run("account", "create", "--email", "ada@example.org", "--password-stdin", text=CLEAN + "\n"),
    ])
    assert reason(answer) == (503, "password-unasked") and answer.json()["detail"].startswith(words)
    assert page.status_code in (422, 503) and error_in(page.text) == words
    assert done.returncode == 1 and words in done.stderr
    assert postern.accounts() == []
    service.always = ""
    assert postern.sign_up("ada@example.org", CLEAN).status_code == 202


def test_a_crowd_does_not_ask_without_end(make_postern, service):
    """No more than sixteen wait at once; the others are asked about later."""
    service.always = "hang"
    postern = make_postern(settings=asks(service) + "hashing: {queue: 100}\n").start()
    answers = at_once([lambda number=number: postern.sign_up(f"crowd-{number}@example.org", f"{CLEAN} {number}") for number in range(24)])
    assert [answer.status_code for answer in answers] == [202] * 24
    # One more may be the job's.
    assert 8 <= service.most_at_once <= 17


def test_mail_goes_out_while_the_service_hangs(make_postern, service):
    """Which kind of job a node looks at first differs from start to start: three of them."""
    service.always = "hang"
    nodes = [make_postern(f"node-{number}", settings=asks(service) + "hashing: {queue: 100}\n").start() for number in range(3)]
    people = [(node, f"person-{number}@example.org") for node in nodes for number in range(6)]
    answers = at_once([lambda person=person: person[0].sign_up(person[1], CLEAN) for person in people])
    assert [answer.status_code for answer in answers] == [202] * len(people)

    def waiting():
        return [(nodes.index(node), email) for node, email in people if not node.letters(email)]
    end = time.monotonic() + 6
    while waiting() and time.monotonic() < end:
        time.sleep(0.2)
    assert waiting() == [], "their mail waits for the service"
