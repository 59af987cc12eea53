"""`Remote-Assertion` as an app checks it that believes no header: with PyJWT and the published keys."""

import time

import jwt
import pytest

from parts.way_in import AppHost


@pytest.fixture
def shop(make_postern):
    postern = make_postern(public_url="https://id.example.org")
    app = AppHost(postern, "shop", "shop.example")
    postern.start()
    postern.make_account("ada@example.org")
    return app


def asked(shop, token: str):
    return shop.get("/auth/request", {"postern-app": token}, {"X-Original-URL": shop.url + "/"})


def claims(shop, assertion: str, audience: str = "shop.example") -> dict:
    keys = jwt.PyJWKSet.from_dict(shop.postern.get("/auth/jwks.json").json())
    key = keys[jwt.get_unverified_header(assertion)["kid"]].key
    return jwt.decode(assertion, key, algorithms=["ES256"], audience=audience, issuer="https://id.example.org",
                      options={"require": ["exp", "iat", "sub", "sid", "acr", "groups"]})


def test_an_app_verifies_who_is_there_without_asking(shop):
    token = shop.session(shop.postern.sign_in("ada@example.org"))
    answer = asked(shop, token)
    said = claims(shop, answer.headers["Remote-Assertion"])
    [account] = shop.postern.accounts()
    assert (said["sub"], said["preferred_username"], said["acr"], said["groups"]) == (account["id"], account["username"], "aal1", [])
    assert 20 <= said["exp"] - time.time() <= 60
    assert asked(shop, token).headers["Remote-Assertion"] == answer.headers["Remote-Assertion"], "signed anew for each request"


def test_a_changed_assertion_or_another_apps_is_refused(shop):
    assertion = asked(shop, shop.session(shop.postern.sign_in("ada@example.org"))).headers["Remote-Assertion"]
    head, body, signature = assertion.split(".")
    for changed in (f"{head}.{body[:-2]}AA.{signature}", f"{head}.{body}.{signature[:-4]}AAAA", f"{head}.{body}."):
        with pytest.raises(jwt.PyJWTError):
            claims(shop, changed)
    with pytest.raises(jwt.InvalidAudienceError):
        claims(shop, assertion, "wiki.test")


def test_every_node_with_the_key_ring_signs_with_the_same_key(shop):
    before = shop.postern.get("/auth/jwks.json").json()
    shop.postern.command("secrets", "rotate")
    shop.postern.restart()
    assert shop.postern.get("/auth/jwks.json").json() == before
