"""The strength meter in a real Chromium: it says what the server says, sends nothing, and the pages work without it."""

import json
import os
import random
import re
import struct
import sys
import time
import unicodedata
from pathlib import Path

import pytest

from parts.browser import Browser
from parts.member import Member
from parts.meter import Reading, check, error_in, reading_in, shown
from parts.passwords import Maker
from parts.postern import PASSWORD, Postern, direct
from parts.processes import wait_for
from parts.visitor import Visitor

SIGN_UP = "/auth/sign-up"
EMAIL = "ada.lovelace@example.org"
# Whose parts make a good password for anybody else.
KNOWN = "okonkwo.brzezinska@example.org"
FEEDBACK = (Path(__file__).resolve().parents[2] / "Sources/PasswordStrength/Feedback.swift").read_text()
KINDS = ["listed", "capitals", "signs", "mutated", "foreign", "dates", "keys", "repeats", "runs", "noise", "mixed"]
# What is known of somebody; to each some of the passwords.
ABOUT = [
    [], [EMAIL], ["Ada Lovelace", "ada@analytical-engine.example"], ["Žofie Müllerová", "straße 17", "ПЕТЯ"], ["東京タワー", "a", "xy", "abc"],
    ["p4ssw0rd", "dragon", "qwerty"], ["x" * 150, "é" * 120 + "-tail"], [f"word{number} other{number}" for number in range(70)],
]
# With strength.js's own way to the module, for many passwords at once. Numbers go as their bits: JSON might round them.
JUDGE = """
    const [batches, done] = arguments;
    const { module, words, about: site, fewest, lowest, most } = document.querySelector(".strength").dataset;
    LOAD
    load().then((judge) => batches.map(([about, passwords]) => {
      const known = [...about, site].join("\\n").normalize("NFKC");
      return passwords.map((password) => {
        const verdict = judge(password, known);
        return { ...verdict, guesses: new BigUint64Array(new Float64Array([verdict.guesses]).buffer)[0].toString() };
      });
    })).then(done, (error) => done(String(error)));
"""


@pytest.fixture(scope="module")
def postern(binary, tmp_path_factory):
    made = Postern(binary, tmp_path_factory.mktemp("meter")).start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("chromium"), traffic=True)
    yield made
    made.close()


def until_shown(browser: Browser, wanted: Reading | None) -> None:
    """Waits until the meter has said this; fails with what it says instead."""
    end = time.monotonic() + 4
    while shown(browser) != wanted and time.monotonic() < end:
        time.sleep(0.05)
    assert shown(browser) == wanted


def submit(postern: Postern, password: str, email: str = EMAIL):
    """What the server answers to a form without scripts."""
    return Visitor(postern).post(SIGN_UP, SIGN_UP, email=email, password=password)


# The same verdict in the page and on the server.


def texts_of(enum: str) -> list[str]:
    """The texts of an enumeration's cases, in the order of its cases: the module's numbers count in it."""
    body = re.search(rf"enum {enum}\b.*?\n    }}\n", FEEDBACK, re.DOTALL).group()
    names = re.search(r"case ([\w,\s]+?)\n\n", body).group(1)
    texts = dict(re.findall(r'case \.(\w+): ("(?:[^"\\]|\\.)*")', body))
    return [json.loads(texts[name.strip()]) for name in names.split(",")]


WARNINGS, SUGGESTIONS = texts_of("Warning"), texts_of("Suggestion")
REASONS = ["password-too-short", "password-too-long", "password-common", "password-too-weak"]


def any_points(chance: random.Random) -> str:
    """Of all of Unicode, in no normal form; what ends a line can't stand in one."""
    points = []
    while len(points) < chance.choice([1, 3, 8, 9, 20, 99, 100, 101, 140]):
        point = chr(chance.choice([chance.randrange(1, 0x250), chance.randrange(0x250, 0x3000), chance.randrange(0x3000, sys.maxunicode)]))
        # Later editions of Unicode may give a normal form to what has no meaning yet.
        if unicodedata.category(point) not in ("Cn", "Cs", "Co") and point not in "\n\r":
            points.append(point)
    return "".join(points)


def passwords_for(about: list[str], count: int, seed: str) -> list[str]:
    maker, chance = Maker(seed), random.Random(seed)
    words = [word for text in about for word in re.split(r"[^\w]+", text) if len(word) >= 3]
    made = [] if about else [
        "", " ", "a", "\t", "x" * 1_024, "x" * 1_025, "é" * 512 + "x", "ﷺ" * 60, "ﷺ" * 7, "ｆｕｌｌｗｉｄｔｈ", "Straße", "e\u0301" * 8, "\0" * 9,
    ]
    while len(made) < count:
        if words and chance.random() < 0.3:
            made.append(maker.about(words))
        elif chance.random() < 0.12:
            made.append(any_points(chance))
        else:
            made.append(maker.make(KINDS[len(made) % len(KINDS)]))
    return made


def as_the_command_says(answer: dict) -> dict:
    return {name: answer.get(name) for name in ("guesses", "score", "level", "reason", "warning", "suggestions", "title", "sentences")}


def as_the_module_says(verdict: dict) -> dict:
    reason = REASONS[verdict["refusal"]] if verdict["refusal"] >= 0 else None
    title, *sentences = verdict["words"]
    return {
        "guesses": struct.unpack("<d", struct.pack("<Q", int(verdict["guesses"])))[0], "score": verdict["score"], "level": verdict["level"], "reason": reason,
        "warning": WARNINGS[verdict["warning"]] if verdict["warning"] >= 0 else "",
        "suggestions": [text for bit, text in enumerate(SUGGESTIONS) if verdict["suggestions"] >> bit & 1], "title": title, "sentences": sentences,
    }


def differences(browser: Browser, postern: Postern, batches: list[tuple[list[str], list[str]]]) -> tuple[int, list]:
    """How many passwords the page and the command judged, and where they disagree."""
    load = re.search(r"  const load = async \(\) => {\n.*?\n  };\n", postern.get("/auth/assets/strength.js").text, re.DOTALL).group()
    browser.open(postern.public_url + SIGN_UP)
    browser.driver.set_script_timeout(240)
    answers = browser.driver.execute_async_script(JUDGE.replace("LOAD", load), batches)
    assert isinstance(answers, list), answers
    count, found = 0, []
    for (about, passwords), theirs in zip(batches, answers, strict=True):
        for password, there, here in zip(passwords, theirs, check(postern, passwords, about), strict=True):
            count += 1
            there, here = as_the_module_says(there), as_the_command_says(here)
            if there != here:
                found.append((password, about, {name: (there[name], here[name]) for name in here if there[name] != here[name]}))
    return count, found


def test_the_module_in_chromium_and_the_command_judge_10000_passwords_alike(postern, chromium):
    each = 10_000 // len(ABOUT)
    batches = [(about, passwords_for(about, each, f"meter {number}")) for number, about in enumerate(ABOUT)]
    count, found = differences(chromium, postern, batches)
    assert count == 10_000
    assert found == [], f"{len(found)} differ"


def test_with_lists_of_the_sites_own_the_page_fetches_them_and_judges_as_the_server_does(make_postern, tmp_path, chromium):
    (tmp_path / "words.txt").write_text("Zephyrine\r\n\n  wolkenkratzer \nŽofín\ncorrect horse battery staple\nPerpetuumMobile9\n")
    (tmp_path / "more.txt").write_text("quokkas-of-rottnest\nzephyrine\n<script>alert(1)</script>\n")
    lists = [tmp_path / "words.txt", tmp_path / "more.txt"]
    postern = make_postern(settings=f"password: {{lists: [{', '.join(map(str, lists))}], words: ['Kranich & Söhne', '\"Quotes\"']}}\n").start()
    mine = ["zephyrine", "Zephyrine", "eniryhpez", "z3phyr1n3", "wolkenkratzer", "correct horse battery staple", "žofín", "perpetuummobile9",
            "PerpetuumMobile9!", "quokkas-of-rottnest", "QUOKKAS-of-rottnest x", "kranich & söhne", "kranich2024", "<script>alert(1)</script>", '"quotes"']
    count, found = differences(chromium, postern, [(about, mine + passwords_for(about, 400, f"lists {about}")) for about in ([], [EMAIL])])
    assert count >= 800 and found == []

    chromium.sent()
    chromium.open(postern.public_url + SIGN_UP)
    chromium.type(email=EMAIL, password="Wolkenkratzer")
    words = [request["url"] for request in chromium.sent() if request["url"].endswith(".txt")]
    assert len(words) == 1 and re.fullmatch(r"/auth/assets/words\.[0-9a-f]{16}\.txt", words[0].removeprefix(postern.public_url))
    until_shown(chromium, reading_in(submit(postern, "Wolkenkratzer").text))
    assert "It is a word this site expects." in shown(chromium).words
    answer = postern.get(words[0].removeprefix(postern.public_url))
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable" and "Zephyrine" in answer.text
    assert postern.get(words[0].removeprefix(postern.public_url)[:-5] + "x.txt").status_code == 404


# Typing.


def test_typing_moves_the_meter_and_its_words(postern, chromium):
    chromium.open(postern.public_url + SIGN_UP)
    assert shown(chromium) is None, "it shows before anything is typed"
    field = chromium.driver.find_element("id", "password")
    levels, titles = [], []
    for piece in ["horse", " battery", " staple", " correct"]:
        field.send_keys(piece)
        typed = field.get_attribute("value")
        # The stones move at once; the words wait for a pause.
        wait_for("the stones", lambda: shown(chromium))
        answer = check(postern, [typed])[0]
        level = 0 if answer.get("reason") == "password-too-short" else answer["score"]
        until_shown(chromium, Reading(str(level), [answer["title"], *answer["sentences"]]))
        levels.append(level)
        titles.append(answer["title"])
    assert levels == sorted(levels) and levels[0] == 0 and levels[-1] == 4, levels
    assert titles[0] == "Too short" and titles[-1] == "Strong" and len(set(titles)) >= 3, titles
    field.send_keys(*["\b"] * len("horse battery staple correct"))
    wait_for("it to hide again", lambda: shown(chromium) is None)


def test_the_words_wait_for_a_pause_and_the_stones_do_not(postern, chromium):
    chromium.open(postern.public_url + SIGN_UP)
    field = chromium.driver.find_element("id", "password")
    field.send_keys("h")
    first = wait_for("the first words", lambda: (shown(chromium) or Reading("", [])).words)
    # All in one go of the page's own, so that this machine's load is no pause.
    later = chromium.driver.execute_async_script("""
        const [field, done] = [document.getElementById("password"), arguments[0]];
        for (const letter of "orse battery staple correct") {
          field.value += letter;
          field.dispatchEvent(new Event("input"));
        }
        setTimeout(() => done([document.querySelector(".strength").dataset.score, document.querySelector(".says b").textContent]), 0);
    """)
    assert later == ["4", first[0]]
    wait_for("the words", lambda: shown(chromium).words[0] == "Strong", 4)


def test_what_is_typed_as_the_address_counts_as_known(postern, chromium):
    chromium.open(postern.public_url + SIGN_UP)
    chromium.type(password="adalovelace")
    before = check(postern, ["adalovelace"])[0]
    until_shown(chromium, Reading(str(before["score"]), [before["title"], *before["sentences"]]))
    chromium.type(email=EMAIL)
    chromium.run("document.getElementById('email').blur()")
    until_shown(chromium, reading_in(submit(postern, "adalovelace").text))
    assert shown(chromium).words[0] == "Weak"
    assert "Leave out what is known about you or this site: that is tried first." in shown(chromium).words


@pytest.mark.parametrize("password", [
    "password", "hunter2", "adalovelace", "Tr0ub4dour&3", "qwertyuiop", "abcdefghi", "14.07.1998", "postern1", "ада ада", "ｐａｓｓｗｏｒｄ１",
])
def test_after_a_pause_the_page_says_what_the_server_says_without_scripts(postern, chromium, password):
    answer = submit(postern, password)
    assert answer.status_code == 422 and error_in(answer.text)
    chromium.open(postern.public_url + SIGN_UP)
    chromium.type(email=EMAIL, password=password)
    until_shown(chromium, reading_in(answer.text))


def test_typing_sends_nothing_but_one_request_for_the_module(postern, make_browser):
    browser, password = make_browser(traffic=True), "Kumquat-Zeppelin"
    browser.open(postern.public_url + SIGN_UP)
    loaded = [request["url"].removeprefix(postern.public_url) for request in browser.sent()]
    assert "/auth/assets/strength.js" in loaded and not [url for url in loaded if url.endswith(".wasm")], loaded
    browser.type(email=EMAIL)
    assert browser.sent() == [], "it is fetched before the password's field is gone to"

    browser.driver.find_element("id", "password").click()
    wait_for("the module", lambda: browser.run("return performance.getEntriesByType('resource').some(entry => entry.name.endsWith('.wasm'))"))
    browser.type(password=password)
    wait_for("the meter", lambda: shown(browser))
    # Longer than the pause after which words are told.
    time.sleep(1)
    typing = browser.sent()
    assert [request["method"] for request in typing] == ["GET"]
    assert typing[0]["url"] == postern.public_url + browser.attribute(".strength", "data-module")
    assert not typing[0].get("hasPostData") and EMAIL not in json.dumps(typing) and password not in json.dumps(typing)

    browser.press("Make the account")
    submitted = browser.sent()
    assert [request["url"] for request in submitted if request["method"] == "POST"] == [postern.public_url + SIGN_UP]
    for url in [*(request["url"] for request in submitted), *browser.been_to()]:
        assert password not in url and "password" not in url and EMAIL not in url
    assert password not in postern.log() + postern.output()


def test_without_the_module_the_server_judges_alone(postern, make_browser):
    browser = make_browser()
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*.wasm"]})
    browser.open(postern.public_url + SIGN_UP)
    browser.type(email=EMAIL, password="adalovelace")
    browser.press("Make the account")
    assert browser.text("#password-error") == error_in(submit(postern, "adalovelace").text)
    assert shown(browser) == reading_in(submit(postern, "adalovelace").text)
    browser.type(password=PASSWORD)
    browser.press("Make the account")
    assert browser.heading == "Look at your mail"


# What is fetched.


def fetched(postern: Postern, path: str, encoding: str):
    """An answer as it came over the wire: its headers, and how many bytes."""
    with direct() as session:
        answer = session.get(f"http://127.0.0.1:{postern.port}{path}", headers={"Accept-Encoding": encoding}, stream=True)
        return answer, answer.raw.read(decode_content=False)


def test_module_and_script_come_gzipped_for_ever_and_weigh_little(postern, make_browser):
    browser = make_browser()
    browser.open(postern.public_url + SIGN_UP)
    browser.type(password="kumquat")
    module = browser.attribute(".strength", "data-module")
    assert re.fullmatch(r"/auth/assets/strength\.[0-9a-f]{16}\.wasm", module)
    answer, body = fetched(postern, module, "gzip, deflate, br")
    assert answer.status_code == 200 and body[:2] == b"\x1f\x8b"
    assert answer.headers["Content-Type"] == "application/wasm"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Vary"] == "Accept-Encoding"
    entries = """
        return performance.getEntriesByType("resource").filter((entry) => /strength/.test(entry.name))
          .map((entry) => [entry.name, entry.transferSize, entry.encodedBodySize]);
    """
    wait_for("both", lambda: len(browser.run(entries)) == 2)
    weights = {name.removeprefix(postern.public_url): weight for name, sent, weight in browser.run(entries) if sent > 0}
    assert set(weights) == {module, "/auth/assets/strength.js"} and weights[module] == len(body), "it did not come as it was sent"
    assert sum(weights.values()) <= 450_000, weights

    browser.open(postern.public_url + SIGN_UP)
    browser.type(password="kumquat")
    wait_for("both", lambda: len(browser.run(entries)) == 2)
    assert [sent for name, sent, _ in browser.run(entries) if name.endswith(".wasm")] == [0], "it is fetched twice"


def test_who_reads_no_gzip_is_told_and_another_content_has_another_name(postern):
    module = re.search(r'data-module="([^"]+)"', postern.get(SIGN_UP).text).group(1)
    answer, _ = fetched(postern, module, "identity")
    assert answer.status_code == 404
    answer = postern.get(module, headers={"Accept-Encoding": "identity"})
    assert answer.json()["detail"] == "It is served gzipped only: send Accept-Encoding: gzip."
    assert "immutable" not in answer.headers["Cache-Control"]
    name = module.split(".")[1]
    assert fetched(postern, module.replace(name, "0" * len(name)), "gzip")[0].status_code == 404


def test_only_pages_with_a_meter_may_run_webassembly(postern):
    postern.make_account("csp@example.org")
    visitor = Visitor(postern)
    visitor.sign_in("csp@example.org", PASSWORD)
    with_meter = {SIGN_UP: 200, "/auth/setup": 410, "/auth/invitation": 410, "/auth/account/password": 200, "/auth/reset-password": 410}
    for path, status in (with_meter | {
        "/auth/sign-in": 200, "/auth/account": 200, "/auth/account/security": 200, "/auth/dev/mailbox": 200, "/auth/confirm": 410,
        "/auth/nothing": 404, "/auth/assets/strength.js": 200,
    }).items():
        answer = (visitor if "/account" in path else Visitor(postern)).get(path)
        assert answer.status_code == status, path
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert policy["script-src"] == ("'self' 'wasm-unsafe-eval'" if path in with_meter else "'self'"), path
        assert policy["default-src"] == "'none'" and policy["connect-src"] == "'self'"
    assert "'wasm-unsafe-eval'" in submit(postern, "password").headers["Content-Security-Policy"]


def test_nothing_on_the_page_complains(postern, chromium):
    chromium.complaints()
    chromium.open(postern.public_url + SIGN_UP)
    chromium.type(email=EMAIL, password="kumquat zeppelin")
    wait_for("the meter", lambda: shown(chromium))
    chromium.driver.find_element("css selector", "[data-show]").click()
    assert chromium.run("return policyViolations") == []
    assert chromium.complaints() == []


def test_a_page_without_that_leave_could_not_run_the_module(postern, chromium):
    module = re.search(r'data-module="([^"]+)"', postern.get(SIGN_UP).text).group(1)
    run = f"const done = arguments[0]; WebAssembly.instantiateStreaming(fetch('{module}')).then(() => done('ran'), error => done(String(error)))"
    chromium.open(postern.public_url + "/auth/sign-in")
    assert "Content Security Policy" in chromium.driver.execute_async_script(run)
    chromium.open(postern.public_url + SIGN_UP)
    assert chromium.driver.execute_async_script(run) == "ran"


# The button that shows what is typed.


def test_what_is_typed_can_be_shown_and_is_hidden_again_when_it_is_sent(postern, chromium):
    chromium.open(postern.public_url + SIGN_UP)
    chromium.type(email="shown@example.org", password=PASSWORD)
    button, field = chromium.driver.find_element("css selector", "[data-show]"), chromium.driver.find_element("id", "password")

    def state():
        return button.is_displayed(), button.get_attribute("aria-pressed"), field.get_attribute("type")
    assert (button.text, button.get_attribute("type"), button.get_attribute("aria-controls")) == ("Show", "button", "password")
    assert state() == (True, "false", "password")
    button.click()
    assert state() == (True, "true", "text") and field.get_attribute("value") == PASSWORD
    button.click()
    assert state() == (True, "false", "password")
    button.click()
    chromium.run("""
        document.querySelector(".form").addEventListener("submit", (event) => {
          event.preventDefault();
          window.sentAs = document.getElementById("password").type;
        });
    """)
    chromium.driver.find_element("css selector", ".form .primary").click()
    assert wait_for("the form to be sent", lambda: chromium.run("return window.sentAs")) == "password"
    assert chromium.been_to()[-1] == postern.public_url + SIGN_UP


# Who hears it, and who sees it.


def test_a_screen_reader_is_told_and_the_field_names_what_describes_it(postern, chromium):
    chromium.open(postern.public_url + SIGN_UP)
    chromium.type(password="adalovelace")
    wait_for("the meter", lambda: shown(chromium))
    output = chromium.driver.find_element("css selector", ".strength output")
    assert (output.get_attribute("aria-live"), output.get_attribute("for"), output.aria_role) == ("polite", "password", "status")
    described = chromium.attribute("#password", "aria-describedby").split()
    assert described[0] == "password-hint"
    assert all(chromium.run(f"return document.getElementById('{name}') !== null") for name in described)
    assert chromium.attribute(".stones", "aria-hidden") == "true", "the stones say nothing that the words don't"


CONTRAST = """
    const light = ([r, g, b]) => [r, g, b].map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
      .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
    const color = (text) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const behind = (element) => {
      const own = color(getComputedStyle(element).backgroundColor);
      return own[3] === 255 ? own : behind(element.parentElement);
    };
    return [...document.querySelectorAll(arguments[0])].map(element => {
      const [one, other] = [light(color(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
      return (one + 0.05) / (other + 0.05);
    });
"""
BOXES = """
    return arguments[0].map(selector => {
      const box = document.querySelector(selector).getBoundingClientRect();
      return [box.left, box.top, box.right, box.bottom];
    });
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("name, password", [("weak", "adalovelace"), ("good", "kumquat zeppelin marmalade")])
def test_the_meter_fits_and_can_be_read(postern, chromium, name, password, width, scheme):
    chromium.show_as(width, scheme)
    chromium.open(postern.public_url + SIGN_UP)
    chromium.type(email=EMAIL, password=password)
    answer = check(postern, [password], [EMAIL])[0]
    assert answer["acceptable"] == (name == "good")
    until_shown(chromium, Reading(str(answer["score"]), [answer["title"], *answer["sentences"]]))
    save(chromium, f"strength-{name}-{width}-{scheme}")
    wide, room = chromium.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= room <= width, f"the page scrolls sideways: {wide} of {room}"
    parts = ["#password-hint", "#password", "[data-show]", ".stones", ".says", ".form > .primary"]
    hint, field, button, stones, says, send = chromium.driver.execute_script(BOXES, parts)
    assert all(0 <= box[0] < box[2] <= room for box in (hint, field, button, stones, says, send)), "something is cut off"
    assert field[2] <= button[0], "the button lies over the field"
    assert hint[3] <= field[1] < field[3] <= stones[1] < stones[3] <= says[1] < says[3] <= send[1], "lines lie over each other"
    assert button[2] - button[0] >= 44 and button[3] - button[1] >= 24
    assert min(chromium.driver.execute_script(CONTRAST, ".says b, .says span, #password-hint, [data-show]")) >= 4.5


def save(browser: Browser, name: str) -> None:
    """Keeps a picture, if POSTERN_SHOTS names a folder."""
    folder = os.environ.get("POSTERN_SHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.whole_page(Path(folder) / f"{name}.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_servers_words_fit_and_can_be_read(postern, chromium, scheme):
    chromium.show_as(320, scheme)
    chromium.open(postern.public_url + SIGN_UP)
    chromium.type(email=EMAIL, password="adalovelace")
    chromium.press("Make the account")
    save(chromium, f"strength-refused-320-{scheme}")
    wide, room = chromium.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= room <= 320
    assert min(chromium.driver.execute_script(CONTRAST, ".says b, .says span, .error")) >= 4.5


# Without scripts.


def test_without_scripts_the_server_says_it_afterwards_and_a_good_password_goes_on(postern, make_browser):
    browser = make_browser(scripts=False)
    browser.show_as(320, "light")
    browser.open(postern.public_url + SIGN_UP)
    meter, button = (browser.driver.find_element("css selector", selector) for selector in (".strength", "[data-show]"))
    assert not meter.is_displayed() and not button.is_displayed(), "what needs scripts shows where none run"
    browser.type(email="grace.hopper@example.org", password="gracehopper")
    browser.press("Make the account")
    expected = submit(postern, "gracehopper", "grace.hopper@example.org")
    assert browser.text("#password-error") == error_in(expected.text) == "That is too easy to guess: “Good” is asked for here."
    assert [browser.text(".says b"), *browser.texts(".says span")] == reading_in(expected.text).words
    assert browser.driver.find_element("css selector", ".stones").is_displayed()
    assert not browser.driver.find_element("css selector", "[data-show]").is_displayed()
    assert browser.attribute("#email", "value") == "grace.hopper@example.org"
    assert browser.attribute("#password", "value") == "", "the password came back in the page"
    assert browser.attribute("#password", "aria-invalid") == "true"
    assert browser.attribute("#password", "aria-describedby").split()[:2] == ["password-hint", "password-error"]
    save(browser, "strength-no-scripts-320-light")
    browser.type(password=PASSWORD)
    browser.press("Make the account")
    assert browser.heading == "Look at your mail"


# The other pages on which a password is chosen.


def test_the_meter_works_on_the_setup_page(make_postern, browser):
    postern = make_postern().start()
    browser.open(re.search(r"http://\S+/auth/setup/\S+", postern.output()).group())
    assert browser.heading == "Make the owner’s account"
    meets(browser, postern, KNOWN, "okonkwobrzezinska", types_address=True)


def test_the_meter_works_on_the_page_of_an_invitation_and_knows_whom_it_is_for(postern, browser):
    owner = Visitor(postern, {"postern": Member(postern, "inviter@example.org", "owner").sign_in()})
    assert owner.post("/auth/admin/people", "/auth/admin/invitations", email=KNOWN).status_code == 200
    browser.open(postern.mailed_link(KNOWN))
    assert browser.heading == "Make your account"
    assert browser.attribute(".strength", "data-about").split("\n")[0] == KNOWN
    meets(browser, postern, KNOWN, "okonkwobrzezinska", types_address=False)


def meets(browser: Browser, postern: Postern, email: str, weak: str, types_address: bool) -> None:
    """Tries a weak password with and without the page's help, then makes the account with a good one."""
    address = {"email": email} if types_address else {}
    browser.type(**address, password=weak)
    answer = check(postern, [weak], [email])[0]
    assert answer["reason"] == "password-too-weak" and check(postern, [weak])[0]["acceptable"]
    said = Reading(str(answer["score"]), [answer["title"], *answer["sentences"]])
    until_shown(browser, said)
    browser.press("Make the account")
    assert browser.text("#password-error").startswith("That is too easy to guess")
    assert shown(browser) == said
    assert browser.run("return policyViolations") == []
    browser.type(**address, password=PASSWORD)
    wait_for("the meter", lambda: shown(browser).words[0] == "Strong")
    browser.press("Make the account")
    browser.sign_in(email, PASSWORD)
    assert browser.heading == "Profile"
