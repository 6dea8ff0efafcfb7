"""What does one wish want otherwise than another?"""

from __future__ import annotations

import pytest

from controller.comparison import Comparison, Wish, compare, wish_of
from controller.model.bundle import ProviderPin
from controller.model.catalog import ModuleSource, SourceKind
from controller.model.graph import ProviderBlock, ProviderKey
from controller.tofu import pinning
from tests.tofu_factories import document, resource, workload

AWS = ProviderKey("aws", "main")
ADDRESS = "registry.opentofu.org/hashicorp/aws"
CODE = ModuleSource(SourceKind.PATH, "/opt/m", "/opt/m")


def wish(pin: ProviderPin | None = None, size: int = 1) -> Wish:
    node = resource("db", source=CODE, params={"x": size}, providers={"aws": AWS})
    block = ProviderBlock("hashicorp/aws", None, {})
    return wish_of(document(node, workload("api"), providers={AWS: block}, pins={ADDRESS: pin} if pin else {}))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (None, ProviderPin("5.1.0", None, ("h1:x",)), ["locked to 5.1.0 now, was not locked"]),
        (ProviderPin("5.1.0", None, ("h1:x",)), None, ["no version is locked any more"]),
        (ProviderPin("5.1.0", None, ()), ProviderPin("5.2.0", None, ()), ["locked to 5.2.0 now, was 5.1.0"]),
        (
            ProviderPin("5.1.0", None, ("h1:x",)),
            ProviderPin("5.1.0", None, ("h1:y",)),
            ["its lock of 5.1.0 has other hashes or constraints"],
        ),
        (ProviderPin("5.1.0", None, ("h1:x",)), ProviderPin("5.1.0", None, ("h1:x",)), []),
    ],
)
def test_versions_that_are_locked_otherwise_are_told(
    old: ProviderPin | None, new: ProviderPin | None, said: list[str]
) -> None:
    before, after = wish(old), wish(new)
    assert pinning.changed(before.document, after.document) == tuple(f"provider `{ADDRESS}`: {one}" for one in said)
    assert compare(before, after).is_empty is (not said)


def test_everything_is_told_in_sentences_and_drawn() -> None:
    pins = [ProviderPin(version, None, ()) for version in ("5.1.0", "5.2.0")]
    found = compare(wish(pins[0]), wish(pins[1], size=2))
    assert found.sentences == (
        "`db.default#x` params changed: param `x` changed",
        f"provider `{ADDRESS}`: locked to 5.2.0 now, was 5.1.0",
    )
    assert '["db.default#35;x<br/>params changed"]:::params_changed' in found.mermaid


def test_an_environment_that_is_not_declared_wants_nothing() -> None:
    assert [str(change.kind) for change in compare(None, wish()).changes] == ["added", "added"]
    assert [str(change.kind) for change in compare(wish(), None).changes] == ["removed", "removed"]
    assert compare(None, None) == Comparison()
    assert compare(None, None).mermaid == ""
