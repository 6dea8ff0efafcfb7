"""Import blocks: what the engine reads in them is what was meant, in either syntax."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from controller.tofu import imports, states
from controller.tofu.bind import bind, offline
from tests.tofu_factories import Engine, document, engine_at

TEXTS = [
    pytest.param("i-0abc/x:y", id="plain"),
    pytest.param('a "quoted" \\ back', id="quotes"),
    pytest.param("${file('/etc/passwd')} %{ if true }", id="templates"),
    pytest.param("$${x} $$ % %%{", id="escaped-templates"),
    pytest.param("two\nlines\tand\rmore\x08\x0c\x1f\x7f", id="control"),
    pytest.param("ü – 😀 \u2028", id="unicode"),
]
THINGS = """
resource "terraform_data" "it" {
  for_each = toset([%s])
}
"""


def test_blocks_are_sorted_and_ready_to_be_copied() -> None:
    assert imports.blocks({"module.b.x.y": "2", 'module.a.x.y["k"]': 'a"${b}'}) == (
        'import {\n  to = module.a.x.y["k"]\n  id = "a\\"$${b}"\n}\n\nimport {\n  to = module.b.x.y\n  id = "2"\n}\n'
    )


def in_state(engine: Engine) -> tuple[str, str, str]:
    """The address as the engine tells it, as we do, and the id of the only instance."""
    state = states.read(engine.run("state", "pull").encode())
    assert state is not None
    (ours,) = states.instances(state)
    return engine.run("state", "list").rstrip("\n"), ours, state.resources[0]["instances"][0]["attributes"]["id"]


@pytest.mark.engine
@pytest.mark.parametrize("syntax", ["native", "json"])
@pytest.mark.parametrize("text", TEXTS)
def test_the_engine_takes_over_the_very_id_at_the_very_address(text: str, syntax: str, tmp_path: Path) -> None:
    engine = engine_at(tmp_path)
    address = f"terraform_data.it[{imports.quoted(text)}]"
    main = json.loads(bind(document(), offline(), imports={address: text}).files["main.tf.json"])
    assert main["import"] == [{"to": address, "id": main["import"][0]["id"]}]
    files = {"things.tf": (THINGS % imports.quoted(text)).encode()}
    if syntax == "native":
        files["import.tf"] = imports.blocks({address: text}).encode()
    else:
        files["main.tf.json"] = json.dumps({"import": main["import"]}).encode()
    engine.applied(files)
    theirs, ours, id = in_state(engine)
    assert id == text
    assert ours == theirs


def test_a_state_that_is_encrypted_or_cut_off_is_not_read() -> None:
    assert states.read(b'{"serial": 1, "lineage": "x", "encrypted_data": "abc"}') is None
    assert states.read(b'{"serial": 1, "lin') is None


def test_every_instance_of_a_state_has_its_address() -> None:
    resource = {"type": "x", "name": "y", "mode": "managed"}
    written = [
        resource | {"instances": [{}]},
        resource | {"module": "module.m[0].module.n", "instances": [{"index_key": 0}, {"index_key": "a"}]},
        resource | {"module": "module.m", "mode": "data", "instances": [{}]},
        resource | {"name": "none", "instances": []},
    ]
    state = states.read(json.dumps({"serial": 3, "lineage": "l", "resources": written}).encode())
    assert state is not None
    assert list(states.instances(state)) == [
        "x.y",
        "module.m[0].module.n.x.y[0]",
        'module.m[0].module.n.x.y["a"]',
        "module.m.data.x.y",
    ]
    assert str(state) == "serial 3 of lineage l"
