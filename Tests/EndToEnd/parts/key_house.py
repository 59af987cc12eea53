"""Somebody with keys in every state, and an organization in which much goes on: what their pages look like."""

import random
import sqlite3
import time
import uuid

from parts.keys import Key, Keys, Organization, ask, own_keys
from parts.member import Member
from parts.postern import Postern

# As long as they may be.
NAME = "Checkout server of the northern warehouse, the second of two"
COMPANY = "The Remarkably-Long-Named Company of Friends of Long Names"
AGENT = "OrderSynchronisation/12.4.1 (+https://example.org/what-is-this; team-north@example.org) python-requests/2.34.2 linux/x86_64"
NEAR, FAR = "203.0.113.9", "2001:db8:aaaa:cccc:bbbb:dddd:eeee:ffff"


class KeyHouse:
    def __init__(self, postern: Postern, email: str):
        """People's addresses are this one, with another word in place of `person`."""
        def person(word: str) -> Member:
            return Member(postern, email.replace("person", word))
        self.postern, self.keeper = postern, person("keeper")
        self.ids: dict[str, str] = {}
        self.fill_own(own_keys(self.keeper))
        self.fill(Organization(self.keeper, COMPANY), person)
        Organization(person("other"), "Another-company-with-a-long-name-that-asks").invite(self.keeper.email, "manager")

    def sign_in(self) -> dict[str, str]:
        """A cookie whose holder has just proved who they are."""
        return {"postern": self.keeper.sign_in()}

    def fill_own(self, own: Keys) -> None:
        live = own.make(NAME, scopes=["orders:read", "orders:write", "a-scope-with-a-very-long-name:everything"],
                        addresses=["203.0.113.0/24", "2001:db8::/32"], rate={"limit": 600, "period": "1m"})
        self.month(live)
        own.make("Trying out", mode="test", expires_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 20 * 86_400)))
        changing, exposed, expired = own.make("Report job"), own.make("Old printer", scopes=["*"]), own.make("Summer campaign")
        for address, agent in ((NEAR, "curl/8.14.1"), (FAR, AGENT)):
            assert ask(self.postern, changing.text, address, agent).status_code == 200
        own.rotate(changing)
        replaced = own.make("Backup")
        self.month(replaced, refused=40)
        own.rotate(replaced, "0h")
        leaked, revoked = own.make("In a public repository"), own.make("Intern’s script")
        assert self.postern.request("POST", "/auth/v1/api-keys/leaked", json={"key": leaked.text}).status_code == 202
        own.revoke(revoked)
        for key, address, agent in ((replaced, FAR, AGENT), (revoked, NEAR, ""), (replaced, NEAR, "curl/8.14.1")):
            assert ask(self.postern, key.text, address, agent).status_code == 401
        with sqlite3.connect(self.postern.sqlite) as database:
            database.execute("UPDATE api_key SET exposed_at = ? WHERE id = ?", [now(), uuid.UUID(exposed.id).bytes])
            database.execute("UPDATE api_key SET expires_at = ? WHERE id = ?", [now() - 86_400_000_000, uuid.UUID(expired.id).bytes])
        self.ids |= {"key_live": live.id, "key_changing": changing.id, "key_over": replaced.id, "key_exposed": exposed.id}

    def month(self, key: Key, refused: int = 0) -> None:
        """A month of use; in its last week the key was refused more and more."""
        chance, today = random.Random(10), now() // 86_400_000_000
        rows = [(uuid.UUID(key.id).bytes, today - day, address, agent, chance.randrange(20_000) if day > 6 or not refused else 0,
                 refused * (7 - day) ** 3 if day < 7 else 0, now() - day * 86_400_000_000)
                for day in range(1, 30) for address, agent in ((NEAR, "curl/8.14.1"), (FAR, AGENT))]
        with sqlite3.connect(self.postern.sqlite) as database:
            database.executemany("INSERT INTO api_key_use (key_id, day, address, agent, passed, refused, passed_at, refused_at) "
                                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [row + row[-1:] for row in rows])

    def fill(self, shop: Organization, person) -> None:
        shop.add(person("manager"), "manager")
        shop.add(person("onlooker"), "support")
        developer = person("developer")
        theirs = shop.add(developer, "developer")
        shop.invite("asked." + self.keeper.email, "developer")
        old = theirs.make(NAME)
        theirs.make("Robot")
        theirs.rotate(theirs.make("Report job"))
        shop.rotate(old, "0h")
        for _ in range(3):
            assert ask(self.postern, old.text, FAR, AGENT).status_code == 401
        self.ids |= {"organization": shop.id, "developer": developer.id}


def now() -> int:
    return int(time.time() * 1_000_000)
