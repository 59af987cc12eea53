"""People taken over from other systems: files, hashes, refusals."""
import json
import sqlite3
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import crypt

PASSWORD = "correct horse battery"
HASHES = {
    "bcrypt": "$2b$04$abcdefghijklmnopqrstuu",
    "sha256": "$5$rounds=1000$saltsalt$",
    "sha512": "$6$rounds=1000$saltsalt$",
    "yescrypt": "$y$j75$F5Jx5fExrKuPp53xLKQ..1$",
    "scrypt": "$7$86..../....SodiumChloride$",
}


def made(setting, password=PASSWORD):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return crypt.crypt(password, setting)


def write(postern, name, text):
    file = postern.folder / name
    file.write_text(text)
    return file


def stored(postern, email):
    with sqlite3.connect(postern.sqlite) as database:
        return database.execute("SELECT password_hash FROM account WHERE email = ?", (email,)).fetchone()[0]


@pytest.fixture
def house(make_postern):
    return make_postern("import")


def test_people_sign_in_with_the_password_they_had_and_get_a_hash_of_ours(house):
    rows = "".join(f'{name}@example.org,{name.title()},"{made(setting)}",staff\n' for name, setting in HASHES.items())
    done = house.run("account", "import", str(write(house, "users.csv", "email,name,password_hash,groups\n" + rows)))
    assert done.returncode == 0 and "Made: 5. There already: 0. Refused: 0." in done.stdout, done.stderr
    house.start()
    for name in HASHES:
        email = f"{name}@example.org"
        before = stored(house, email)
        assert house.try_sign_in(email, "another password").status_code == 401
        assert stored(house, email) == before
        assert house.try_sign_in(email, PASSWORD).status_code == 200
        assert stored(house, email).startswith("$argon2id$")
        assert house.try_sign_in(email, PASSWORD).status_code == 200


def test_what_was_typed_in_another_spelling_still_signs_in(house):
    # As some systems hash it: decomposed.
    typed = "Gru\u0308\u00dfe aus Ko\u0308ln"
    house.run("account", "import", str(write(house, "u.ndjson", json.dumps({"email": "ada@example.org", "password_hash": made(HASHES["sha256"], typed)}))))
    house.start()
    assert house.try_sign_in("ada@example.org", typed).status_code == 200
    assert house.try_sign_in("ada@example.org", "Grüße aus Köln").status_code == 200, "from then on both spellings are one"


def test_a_refused_line_is_told_with_its_number_and_stops_nothing(house):
    good = made(HASHES["bcrypt"])
    lines = [
        {"email": "ada@example.org", "password_hash": good, "groups": ["staff", "cards"], "password_set_at": "2026-01-31T12:00:00Z"},
        {"email": "no address"},
        {"email": "eve@example.org", "password_hash": "$1$abc$def"},
        {"email": "eve@example.org", "password_hash": "$2b$15$" + "a" * 53},
        {"email": "eve@example.org", "password_hash": good[:-1]},
        {"email": "eve@example.org", "password": PASSWORD},
        {"email": "eve@example.org", "password_set_at": "2999-01-01T00:00:00Z"},
        {"email": "eve@example.org", "groups": ["Staff!"]},
        {"email": "eve@example.org", "name": 7},
        {"email": "bob@example.org"},
    ]
    text = "\n".join(json.dumps(line) for line in lines) + "\nno json\n"
    file = write(house, "u.ndjson", text)
    checked = house.run("account", "import", str(file), "--check", "--json")
    assert json.loads(checked.stdout)["made"] == 2 and house.accounts() == []
    done = house.run("account", "import", str(file), "--json")
    result = json.loads(done.stdout)
    assert done.returncode == 0 and (result["made"], result["there"]) == (2, 0)
    refused = {row["line"]: row["reason"] for row in result["refused"]}
    assert sorted(refused) == [2, 3, 4, 5, 6, 7, 8, 9, 11]
    for line, words in {2: "no address", 3: "not a form", 4: "too dear: bcrypt cost 15, at most 14", 5: "damaged", 6: "unknown field 'password'",
                        7: "past", 8: "groups", 9: "'name'", 11: "no JSON"}.items():
        assert words in refused[line], refused[line]
    again = house.run("account", "import", str(file))
    assert again.returncode == 1 and "Made: 0. There already: 2. Refused: 9." in again.stdout and "line 4: password_hash is too dear" in again.stderr
    assert PASSWORD not in again.stdout + again.stderr


def test_a_csv_with_quotes_line_breaks_and_windows_ends_is_read_as_it_is_meant(house):
    text = '\ufeffEmail,Name\r\nada@example.org,"Lovelace, Ada ""the first"""\r\n\r\nbob@example.org,"two\r\nlines"\r\neve@example.org,too,many\r\nzoe@example.org,"open\r\n'
    file = write(house, "u.csv", text)
    done = house.run("account", "import", str(file), "--json")
    result = json.loads(done.stdout)
    assert result["made"] == 1 and [row["line"] for row in result["refused"]] == [4, 6, 7]
    names = {account["email"]: account["name"] for account in house.accounts()}
    assert names == {"ada@example.org": 'Lovelace, Ada "the first"'}


@pytest.mark.parametrize("arguments, words", [
    (["missing.csv"], "can't be read: No such file or directory"), (["users"], "--format csv or --format ndjson"),
    (["users.csv", "--format", "xml"], "--format is 'xml'. Allowed: csv, ndjson."),
])
def test_a_wrong_call_says_what_is_allowed(house, arguments, words):
    done = house.run("account", "import", *arguments)
    assert done.returncode == 1 and words in done.stderr
