"""What a plain conversion loses, or leaves for a later stage to refuse: each line of reference/score.md §4.4."""

from __future__ import annotations

import pytest

from controller.errors import ManifestError
from controller.model.document import Json
from controller.model.graph import Coordinate, Output, Template
from controller.pipeline import Resolved
from tests import score_factories
from tests.manifest_factories import Files
from tests.score_factories import PATH

WORKLOAD = Coordinate("score-workload", "default", "workloads.api.score-workload")
DB = Coordinate("postgres", "default", "workloads.api.db")


def resolved(container: str, resources: str = "", metadata: str = "", files: Files | None = None) -> Resolved:
    """The environment of a Score file with this container, through every stage."""
    text = (
        "apiVersion: score.dev/v1b1\n"
        f"metadata: {{name: api{', ' if metadata else ''}{metadata}}}\n"
        f"containers: {{main: {{image: a{', ' if container else ''}{container}}}}}\n"
        f"resources: {{{resources}}}\n"
    )
    repository = score_factories.repository(text, score_factories.upgraded(text))
    return score_factories.resolve({**repository, **(files or {})})


def main(found: Resolved) -> Json:
    return found.graph.nodes[WORKLOAD].params["containers"]["main"]


def test_a_bare_resource_as_the_source_of_a_volume_is_its_output_source() -> None:
    found = resolved("volumes: {/data: {source: '${resources.data}'}}", "data: {type: volume}")
    target = Coordinate("volume", "default", "workloads.api.data")
    assert main(found)["volumes"] == {"/data": {"source": Template((Output(target, ("source",)),))}}


def test_a_shell_s_variable_arrives_as_it_was_written() -> None:
    found = resolved('command: ["${SHELL}"], args: [-c, "echo ${HOME:-x} $$ $(id) $\\\\{x}"]')
    assert main(found)["command"] == ["${SHELL}"]
    assert main(found)["args"] == ["-c", "echo ${HOME:-x} $$ $(id) $\\{x}"]


def test_an_escaped_placeholder_arrives_as_text_whatever_stands_in_it() -> None:
    found = resolved('variables: {IP: "$${pod.status.hostIP}", FIZZ: "$${fizz}", ODD: "$${abc .4t3298y *(^&(*}"}')
    assert main(found)["variables"] == {
        "IP": "${pod.status.hostIP}",
        "FIZZ": "${fizz}",
        "ODD": "${abc .4t3298y *(^&(*}",
    }


def test_an_escaped_placeholder_of_the_context_is_filled_in_as_its_users_mean_it() -> None:
    found = resolved('variables: {ENV: "$${context.env_id}", AT: "x.$${context.project_id}"}')
    assert main(found)["variables"] == {"ENV": "dev", "AT": "x.shop"}


@pytest.mark.parametrize(
    ("container", "arrived"),
    [
        pytest.param(
            'files: {/a: {content: "${x} $${y}", noExpand: true}}',
            {"files": {"/a": {"content": "${x} $${y}", "noExpand": True}}},
            id="no-expand",
        ),
        pytest.param(
            'files: {/a: {source: f.sh, noExpand: true}}',
            {"files": {"/a": {"content": "echo ${HOME}\n", "noExpand": True}}},
            id="no-expand-of-a-mounted-file",
        ),
        pytest.param(
            'livenessProbe: {exec: {command: ["${x}"]}}', {"livenessProbe": {"exec": {"command": ["${x}"]}}}, id="exec"
        ),
        pytest.param(
            'readinessProbe: {httpGet: {port: 1, path: "/${x}", host: "${y}"}}',
            {"readinessProbe": {"httpGet": {"port": 1, "path": "/${x}", "host": "${y}"}}},
            id="http",
        ),
        pytest.param(
            'volumes: {/a: {source: b, path: "${x}"}}', {"volumes": {"/a": {"source": "b", "path": "${x}"}}}, id="path"
        ),
        pytest.param(
            'files: {"/${x}": {binaryContent: "${x}"}}', {"files": {"/${x}": {"binaryContent": "${x}"}}}, id="binary"
        ),
    ],
)  # fmt: skip
def test_text_that_score_does_not_expand_arrives_as_it_was_written(container: str, arrived: Json) -> None:
    files = {"projects/shop/dev/f.sh": "echo ${HOME}\n"}
    assert main(resolved(container, files=files)) == {"image": "a", **arrived}


def test_metadata_arrives_as_it_was_written_and_is_not_expanded_twice() -> None:
    found = resolved(
        'variables: {M: "${metadata.more}"}',
        "db: {type: postgres}",
        'more: "${resources.db.host} ${x}", annotations: {acme.org/xy: "${y}"}',
    )
    assert found.graph.nodes[WORKLOAD].params["metadata"] == {
        "name": "api",
        "more": "${resources.db.host} ${x}",
        "annotations": {"acme.org/xy": "${y}"},
    }
    assert main(found)["variables"] == {"M": "${resources.db.host} ${x}"}


def test_an_output_of_a_resource_is_referred_to_with_text_around_it_and_without() -> None:
    found = resolved('variables: {A: "${resources.db.host}", B: "x ${resources.db.a.b} $${y}"}', "db: {type: postgres}")
    assert main(found)["variables"] == {
        "A": Template((Output(DB, ("host",)),)),
        "B": Template(("x ", Output(DB, ("a", "b")), " ${y}")),
    }


def test_a_shared_id_is_the_shared_entry_of_a_manifest() -> None:
    manifest = {"projects/shop/dev/manifest.yaml": "shared: {main: {type: postgres, params: {size: 5}}}\n"}
    found = resolved("", "db: {type: postgres, id: main, params: {size: 5}}", files=manifest)
    assert [str(each) for each in found.graph.nodes if each.type == "postgres"] == ["postgres.default#shared.main"]


def test_a_shared_id_with_other_params_than_the_shared_entry_is_refused_with_both_places() -> None:
    manifest = {"projects/shop/dev/manifest.yaml": "shared: {main: {type: postgres, params: {size: 6}}}\n"}
    with pytest.raises(ManifestError) as refused:
        resolved("", "db: {type: postgres, id: main, params: {size: 5}}", files=manifest)
    assert str(refused.value) == (
        f"{PATH}:4:52: resource `db` of workload `api` gives `postgres.default#shared.main` other params than "
        "shared resource `main` at projects/shop/dev/manifest.yaml:1:41; give both the same params, "
        "leave one of them out, or give one of the resources another id"
    )


def test_an_id_of_56_characters_is_as_long_as_an_id_may_be_when_it_is_shared() -> None:
    found = resolved("", f"db: {{type: postgres, id: {'a' * 56}}}")
    assert Coordinate("postgres", "default", f"shared.{'a' * 56}") in found.graph.nodes


def test_metadata_of_a_resource_is_dropped_with_a_word() -> None:
    found = resolved("", "db: {type: postgres, metadata: {annotations: {ab: x}}}")
    assert found.warnings == (
        f"{PATH}:4:34: `metadata` of resource `db` is not passed on; use `params` for what its module shall know",
    )


NAMED = """\
resource_type: api
module_source: inline
module_source_code: |
  variable "api_version" { type = string }
module_params: {version: {type: string, variable: api_version}}
rules: [{}]
"""


def test_a_param_that_the_engine_keeps_for_itself_reaches_the_module_under_another_name() -> None:
    """Score files give `version` to their resources, and a module cannot have an input of that name."""
    files = {"platform/modules/module-0.yaml": NAMED}
    found = resolved("", "it: {type: api, params: {version: 0.1.0}}", files=files)
    assert found.graph.nodes[Coordinate("api", "default", "workloads.api.it")].params == {"api_version": "0.1.0"}


def test_two_params_cannot_be_one_variable_of_a_module() -> None:
    twice = NAMED.replace("module_params: {", "module_params: {api_version: {type: string}, ")
    with pytest.raises(ManifestError) as refused:
        resolved("", "it: {type: api, params: {version: 0.1.0}}", files={"platform/modules/module-0.yaml": twice})
    assert str(refused.value) == (
        "platform/modules/module-0.yaml:5:80: the variable `api_version` is given twice; give each param one of its own"
    )
