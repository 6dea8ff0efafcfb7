"""Would it be noticed if the page did not tell the truth? `make soak` asks it after each kill."""

from __future__ import annotations

import pytest

from tests import webui_factories as make
from tests.soak import told
from tests.webui_factories import World


@pytest.fixture
def busy(shop: World) -> World:
    """One deployment has succeeded, one applies, one waits."""
    id = make.by_person(shop, "shop/development", "grace")
    make.planned(shop, id, make.summary(make.change("update")))
    make.record.begin_apply(shop.store, id, shop.now)
    make.by_person(shop, "shop/development", "alan")
    return shop


def test_a_page_that_shows_what_is_kept_tells_no_lie(busy: World) -> None:
    client = busy.visitor().client
    assert told.lies(lambda path: client.get(path).get_data(as_text=True), busy.store) == []


@pytest.mark.parametrize(
    ("shown", "instead"),
    [
        pytest.param(">applying<", ">succeeded<", id="running-shown-as-final"),
        pytest.param(">succeeded<", ">applying<", id="final-shown-as-running"),
        pytest.param("1 to create, 0", "2 to create, 0", id="wrong-counts"),
        pytest.param(">queued<", ">planning<", id="wrong-queue"),
    ],
)
def test_what_is_not_so_is_a_lie(busy: World, shown: str, instead: str) -> None:
    client = busy.visitor().client

    def page(path: str) -> str:
        text = client.get(path).get_data(as_text=True)
        return text.replace(shown, instead)

    lies = told.lies(page, busy.store)
    assert [lie.partition(":")[0] for lie in lies][:1] == ["/history"]


def test_another_live_commit_than_the_one_that_is_live_is_a_lie(shop: World) -> None:
    client, live = shop.visitor().client, make.commit_id("Add the shop")
    lies = told.lies(lambda path: client.get(path).get_data(as_text=True).replace(live, "0" * 40), shop.store)
    assert [lie.partition(":")[0] for lie in lies] == ["/"]
