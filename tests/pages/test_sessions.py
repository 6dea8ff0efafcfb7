"""Who is signed in, and does a form come from our own page?"""

from __future__ import annotations

import pytest

from controller.history import access
from controller.history.audit import Act
from controller.model.deployment import Role
from tests import webui_factories as make
from tests.webui_factories import Visitor, World


def test_a_stranger_is_led_to_the_login_and_back(shop: World):
    visitor = Visitor(shop.client())
    reply = visitor.client.get("/history?status=failed")
    assert (reply.status_code, reply.headers["Location"]) == (302, "/login?next=/history?status%3Dfailed")
    reply = visitor.sign_in(make.token(shop), next="/history?status=failed")
    assert reply.headers["Location"] == "/history?status=failed"


@pytest.mark.parametrize(
    "next", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_after_signing_in_one_stays_on_this_site(shop: World, next: str):
    reply = Visitor(shop.client()).sign_in(make.token(shop), next=next)
    assert reply.headers["Location"] == "/"


def test_a_wrong_token_is_refused_on_the_form(world: World):
    reply = Visitor(world.client()).sign_in("lockstep_wrong")
    assert reply.status_code == 401
    assert "the token is unknown, revoked or expired; ask an admin for a new one" in make.words(reply)


def test_the_cookie_bears_no_token_and_no_script_reads_it(world: World):
    secret = make.token(world)
    cookie = Visitor(world.client()).sign_in(secret).headers["Set-Cookie"]
    assert secret not in cookie
    assert cookie.startswith("lockstep=")
    assert cookie.endswith("; HttpOnly; Path=/; SameSite=Lax")


def test_over_https_the_cookie_stays_there(world: World):
    cookie = Visitor(world.client(secure_cookies=True)).sign_in(make.token(world)).headers["Set-Cookie"]
    assert "; Secure;" in cookie


def test_a_session_ends_with_its_token(shop: World):
    visitor = shop.visitor("alice")
    assert "Environments" in visitor.see("/")
    access.revoke_token(shop.store, "alice", Act("bob", shop.now))
    assert visitor.client.get("/").headers["Location"] == "/login?next=/"


def test_signing_out_ends_the_session(shop: World):
    visitor = shop.visitor()
    visitor.send("/logout", page="/")
    assert visitor.client.get("/").status_code == 302


@pytest.mark.parametrize(
    "path", ["/login", "/logout", "/environments/shop/development/resume", "/deployments/{}/cancel"]
)
def test_a_form_from_elsewhere_changes_nothing(shop: World, path: str):
    visitor = shop.visitor()
    for fields in ({}, {"csrf": "guessed"}):
        reply = visitor.client.post(path.format(make.newest(shop)), data=fields)
        assert reply.status_code == 403
        assert "the form is out of date; go back, load the page again and send it once more" in make.words(reply)


def test_the_page_can_be_open_for_reading_only(shop: World):
    visitor = Visitor(shop.client(is_open=True))
    assert "visitor (viewer) Sign in" in visitor.see("/")
    reply = visitor.send("/environments/shop/development/resume")
    assert reply.status_code == 403
    assert "`visitor` is a viewer; this needs role deployer" in make.words(reply)
    assert visitor.client.get("/api/v1/projects").status_code == 401


def test_a_page_of_another_project_does_not_exist(shop: World):
    visitor = Visitor(shop.client())
    visitor.sign_in(make.token(shop, "eve", Role.ADMIN, ["insights"]))
    assert "0 environments in 0 projects" in visitor.see("/")
    for path in (
        f"/deployments/{make.newest(shop)}",
        f"/deployments/{make.newest(shop)}/graph.svg",
        "/environments/shop/development",
    ):
        assert visitor.client.get(path).status_code == 404
