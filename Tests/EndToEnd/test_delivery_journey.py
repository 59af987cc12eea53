"""A telephone number as people meet it: in a real browser, with texts that a real gateway brings."""

import pytest

from parts.gateways import Twilio
from parts.kannel import Kannel
from parts.postern import PASSWORD
from parts.member import Member
from parts.processes import wait_for
from parts.texting import by_kannel, by_twilio, code_to, delivery, forget_sends, new_number, route, seconds_pass, texts, wrong_code
from test_second_factor_journey import give_code, give_password, open_security, save_codes, sign_out


@pytest.fixture
def ways(make_postern, tmp_path):
    """A server that texts by Kannel first, and the two gateways."""
    north, south = Kannel(tmp_path / "kannel"), Twilio()
    try:
        settings = "site: {name: Corner Shop}\n" + delivery(
            {"north": by_kannel(north), "south": by_twilio(south)},
            {"texts": route("sms", "north 1000000", "south 0"), "calls": route("voice", "south")})
        yield make_postern(settings=settings).start(), north, south
    finally:
        north.stop()
        south.stop()


def press_first(browser, words: str) -> None:
    """Presses the button that begins with these words."""
    browser.press(next(text for text in browser.texts("button") if text.startswith(words)))


def figures(postern, browser) -> dict[str, tuple[str, str]]:
    """What the administration's page says: of each way, how many codes were asked for, and the share that was used."""
    owner = Member(postern, "owner@example.org", "owner")
    browser.open(postern.public_url + "/auth/sign-in")
    browser.hold(postern.public_url, postern=owner.sign_in())
    browser.open(postern.public_url + "/auth/admin/delivery")
    assert browser.heading == "Delivery"
    cells = [browser.texts(f"section[aria-labelledby=ways] tbody tr:nth-child({row}) > *") for row in (1, 2, 3)]
    return {" ".join(row[0].split()): (row[1], row[4]) for row in cells}


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "with scripts off"])
def test_a_person_adds_a_number_signs_in_with_it_steps_up_and_removes_it(ways, make_browser, scripts):
    postern, north, south = ways
    email, number, browser = "ada@example.org", new_number("GB"), make_browser(scripts=scripts)
    postern.make_account(email)
    give_password(browser, postern, email)
    open_security(browser, postern)
    browser.complaints()

    browser.follow("Add a number")
    assert browser.heading == "Add a telephone number" and "France, Portugal, United Kingdom" in browser.text("#number-hint")
    browser.type(number="+44 20 12")
    browser.press("Text me a code")
    assert "isn’t a telephone number" in browser.text("#field-error") and browser.attribute("#number", "value") == "+44 20 12"
    browser.type(number=f"{number[:3]} {number[3:7]} {number[7:]}")
    browser.press("Text me a code")
    assert browser.heading == "Type the code we sent" and number[-2:] in browser.text(".page-head p:last-child")
    assert number not in browser.run("return document.documentElement.outerHTML")
    code = code_to(north, number)
    browser.type(code=wrong_code(code))
    browser.press("Use this number")
    assert browser.text("#field-error")
    browser.type(code=code)
    browser.press("Use this number")
    assert browser.heading == "Your recovery codes"
    codes = save_codes(browser)
    assert len(set(codes)) == 10
    open_security(browser, postern)
    assert "Codes come as a text or a call." in browser.text("main") and "10 of 10 left" in browser.text("main")

    sign_out(browser, postern)
    forget_sends(postern)
    give_password(browser, postern, email)
    assert browser.heading == "Get a code by text message"
    press_first(browser, "Text me the code")
    assert browser.heading == "Now the code we sent" and number[-2:] in browser.text(".lead")
    first = code_to(north, number, 1)
    assert texts(north, number)[-1].endswith(f"@127.0.0.1 #{first}")
    give_code(browser, wrong_code(first))
    assert browser.text("#code-error")
    browser.press("Send another text")
    assert "One is on its way" in browser.text("#code-error")
    seconds_pass(postern, 11)
    browser.press("Send another text")
    second = code_to(south, number)
    assert len(texts(north, number)) == 2 and second != first
    seconds_pass(postern, 11)
    browser.press("Call me instead")
    assert browser.heading == "Now the code from the call"
    wait_for("the call", lambda: south.calls)
    give_code(browser, second)
    assert browser.url == postern.public_url + "/auth/account"
    assert figures(postern, make_browser(scripts=scripts)) == {
        "north Text": ("2", "50.0 %"), "south Text": ("1", "100.0 %"), "south Call": ("1", "0.0 %")}, "the code that was typed came by south"

    open_security(browser, postern)
    postern.minutes_pass(10)
    forget_sends(postern)
    browser.follow("Remove")
    assert browser.heading.startswith("Remove +44")
    browser.press("Remove the number")
    assert browser.heading == "Confirm it’s you"
    # What was used last is offered first: that was a call.
    browser.follow("Text message")
    press_first(browser, "Text me the code")
    give_code(browser, code_to(north, number, 2))
    assert browser.heading.startswith("Remove +44"), "back where the proof was asked for"
    browser.press("Remove the number")
    assert browser.text("[role=status]") == "The number is removed. No codes go there any more."
    assert number[:3] not in browser.text("main"), "the country's code stands before every number"
    if scripts:
        assert browser.run("return policyViolations") == []
    assert not [line for line in browser.complaints() if "Content Security Policy" in line]

    sign_out(browser, postern)
    give_password(browser, postern, email)
    assert browser.url == postern.public_url + "/auth/account" and codes


def test_the_first_number_brings_recovery_codes_that_are_saved(ways, make_browser):
    postern, north, _ = ways
    email, number, browser = "ada@example.org", new_number("GB"), make_browser()
    postern.make_account(email)
    give_password(browser, postern, email)
    browser.open(postern.public_url + "/auth/account/security/phones")
    browser.type(number=number)
    browser.press("Text me a code")
    browser.type(code=code_to(north, number))
    browser.press("Use this number")
    codes = save_codes(browser)
    assert "10 of 10 left" in browser.text("main") and "Codes come as a text or a call." in browser.text("main") and codes


def test_a_recovery_code_helps_who_has_no_reception(ways, make_browser):
    postern, north, _ = ways
    email, number, browser = "ada@example.org", new_number("GB"), make_browser()
    postern.make_account(email, password=PASSWORD)
    give_password(browser, postern, email)
    browser.open(postern.public_url + "/auth/account/security/phones")
    browser.type(number=number)
    browser.press("Text me a code")
    browser.type(code=code_to(north, number))
    browser.press("Use this number")
    codes = save_codes(browser)
    sign_out(browser, postern)
    give_password(browser, postern, email)
    press_first(browser, "Text me the code")
    for _ in range(5):
        give_code(browser, wrong_code(code_to(north, number, 1)))
    seconds_pass(postern, 11)
    browser.press("Send another text")
    assert "None that was sent is good any more" in browser.text("main"), "five wrong codes leave the other ways open"
    browser.follow("Recovery code")
    give_code(browser, codes[0])
    assert browser.url == postern.public_url + "/auth/account"
