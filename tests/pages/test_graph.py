"""What does a page show of a graph?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.history import person
from controller.history.audit import Act
from controller.model.bundle import Pins
from controller.model.deployment import EngineKind
from controller.tofu import desired
from tests import tofu_factories
from tests import webui_factories as make
from tests.webui_factories import World


def deployed(world: World, nodes: int) -> str:
    """A deployment of so many resources; its id."""
    graph = tofu_factories.graph(*(tofu_factories.resource(f"db#n{number:03}") for number in range(nodes)))
    written = desired.desired(graph, Pins(), EngineKind.OPENTOFU)
    made = make.new(world, "shop/development", by="ann")
    parts = {**made.parts, "desired": make.part(written.document)}
    return person.opened(world.store, replace(made, parts=parts), Act("ann", world.now, "to try it")).id


@pytest.mark.parametrize(("nodes", "is_drawn"), [(200, True), (201, False)])
def test_a_graph_that_nobody_could_read_is_not_drawn_in_the_page(shop: World, nodes: int, is_drawn: bool):
    id = deployed(shop, nodes)
    page = shop.visitor().client.get(f"/deployments/{id}").get_data(as_text=True)
    assert (f'<img src="/deployments/{id}/graph.svg"' in page) is is_drawn
    assert ("This graph is too large to be shown here." in page) is not is_drawn
    assert f'<a href="/deployments/{id}/graph.svg">' in page
    assert f"db.default#n{nodes - 1:03} (module echo)" in page


def test_what_is_too_large_for_the_page_is_drawn_by_itself(shop: World):
    reply = shop.visitor().client.get(f"/deployments/{deployed(shop, 201)}/graph.svg")
    assert reply.get_data(as_text=True).count("<rect") == 201
