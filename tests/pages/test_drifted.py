"""What does a visitor see of drift?"""

from __future__ import annotations

from controller.history import drifting, read
from controller.history.audit import Act
from controller.model.deployment import Mode, Status
from tests import webui_factories as make
from tests.webui_factories import World


def looked(world: World, found: Status, *, differs: bool = False) -> str:
    """A look for drift that has ended; the beginning of its id."""
    last = read.environment(world.store, "shop", "development").last_success
    made = make.new(world, "shop/development", by="controller", mode=Mode.DRIFT, source_deployment=last)
    row = drifting.look_opened(world.store, made, None, Act("controller", world.now))
    assert row is not None
    make.planned(world, row.id, make.summary(make.change("update")) if differs else make.summary())
    make.ended(world, row.id, found)
    world.later(minutes=60)
    return row.id[:8]


def test_what_has_drifted_is_named_by_the_look_that_found_it_also_after_one_that_failed(shop: World) -> None:
    visitor, page = shop.visitor(), "/environments/shop/development"
    assert "drifted" not in visitor.see("/")
    named = looked(shop, Status.PLANNED, differs=True)
    told = f"Drifted. Found first 1 h ago. Something has changed what was deployed: {named} names what differs."
    assert (told in visitor.see(page), f"looked for 1 h ago: {named}" in visitor.see(page)) == (True, True)
    failed = looked(shop, Status.FAILED)
    seen = visitor.see(page)
    told = told.replace("1 h", "2 h")
    assert (told in seen, f"looked for 1 h ago, which failed: {failed}" in seen) == (True, True)
    assert "drifted" in visitor.see("/")
    clean = looked(shop, Status.PLANNED)
    seen = visitor.see(page)
    assert ("Drifted" in seen, f"looked for 1 h ago: {clean}" in seen) == (False, True)
