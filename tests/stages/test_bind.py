"""The bundle: a desired document bound to one environment and its past."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.errors import ConflictError
from controller.model.bundle import Binding, Bundle, ProviderPin, StateStorage
from controller.model.catalog import ModuleSource, SourceKind
from controller.model.deployment import EngineKind
from controller.model.graph import Output, ProviderBlock, ProviderKey
from controller.tofu.bind import backend, bind, offline
from controller.tofu.names import module_name, provider_name
from controller.tofu.render import Extras, render
from tests.tofu_factories import at, document, engine_at, inline, ref, resource, workload

UUID = "6f1c0000-0000-4000-8000-000000000000"
AWS = ProviderKey("aws", "main")
BLOCK = ProviderBlock("hashicorp/aws", "~> 5.0", {"region": "eu-1"})


def main(bundle: Bundle) -> dict[str, Any]:
    return json.loads(bundle.files["main.tf.json"])


def addresses(*names: str) -> set[str]:
    return {module_name(at(name)) for name in names}


@pytest.mark.parametrize(
    ("state", "written"),
    [
        pytest.param(StateStorage("local"), {"local": {}}, id="local"),
        pytest.param(StateStorage("http", {"type": "http"}), {"http": {}}, id="http"),
        pytest.param(
            StateStorage("kubernetes", {"namespace": "ns"}),
            {"kubernetes": {"in_cluster_config": True, "namespace": "ns", "secret_suffix": UUID}},
            id="kubernetes",
        ),
        pytest.param(
            StateStorage("s3", {"bucket": "b", "path_prefix": "/team/a/"}),
            {"s3": {"bucket": "b", "key": f"team/a/{UUID}.tfstate"}},
            id="s3",
        ),
        pytest.param(StateStorage("gcs", {"bucket": "b"}), {"gcs": {"bucket": "b", "prefix": UUID}}, id="gcs"),
        pytest.param(
            StateStorage("azurerm", {"storage_account_name": "a", "container_name": "c", "path_prefix": "p"}),
            {
                "azurerm": {
                    "storage_account_name": "a",
                    "container_name": "c",
                    "key": f"p/{UUID}/terraform.tfstate",
                }
            },
            id="azurerm",
        ),
    ],
)
def test_the_state_lies_by_the_uuid(state: StateStorage, written: Mapping[str, Any]) -> None:
    binding = Binding(UUID, "local", state, EngineKind.OPENTOFU)
    assert backend(binding) == written
    assert main(bind(document(), binding))["terraform"]["backend"] == written


@pytest.mark.engine
@pytest.mark.parametrize("program", ["terraform", "tofu"])
def test_where_the_state_lies_may_look_like_a_template(program: str, tmp_path: Path) -> None:
    """With Terraform the state was written below `$${…`: it takes the backend's strings as they are."""
    engine = engine_at(tmp_path, program)
    kind = EngineKind.TERRAFORM if program == "terraform" else EngineKind.OPENTOFU
    extras = Extras(backend={"local": {"path": "team-${x}-%{y}/state"}})
    engine.write({"main.tf.json": render(document(engine=kind), extras)})
    engine.run("init", "-no-color", "-input=false")
    engine.run("apply", "-auto-approve", "-no-color", "-input=false")
    assert [path.name for path in tmp_path.glob("team*")] == ["team-${x}-%{y}"]


def test_a_state_storage_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConflictError) as e:
        backend(replace(offline(), state=StateStorage("s4")))
    known = "azurerm, gcs, http, kubernetes, local, s3"
    assert str(e.value) == f"state storage `s4` is unknown; use one of {known}"


def test_a_bundle_holds_all_that_the_engine_reads() -> None:
    own = ModuleSource(
        SourceKind.LOCAL, "platform/modules/m", "0123456789abcdef", includes=("platform/modules/common",)
    )
    pin = ProviderPin("5.1.0", "~> 5.0", ("h1:x",))
    aws = "registry.terraform.io/hashicorp/aws"
    made = document(
        resource("db", module="m", source=own, providers={"aws": AWS}),
        resource("dns", source=inline("locals {}")),
        providers={AWS: BLOCK},
        engine=EngineKind.TERRAFORM,
        pins={aws: pin},
    )
    files = {"platform/modules/m/main.tf": b"# m", "platform/modules/common/x.tf": b"# x"}
    bundle = bind(made, offline(EngineKind.TERRAFORM), modules={own.content: files, "other": {"y": b""}})
    lock = (
        '# This file is maintained automatically by "terraform init".\n'
        "# Manual edits may be lost in future updates.\n\n"
        f'provider "{aws}" {{\n'
        '  version     = "5.1.0"\n  constraints = "~> 5.0"\n  hashes = [\n    "h1:x",\n  ]\n}\n'
    )
    assert {path: content for path, content in bundle.files.items() if path != "main.tf.json"} == {
        ".terraform.lock.hcl": lock.encode(),
        "modules/echo/599ffcf2e6bf/main.tf": b"locals {}",
        "modules/m/0123456789ab/platform/modules/common/x.tf": b"# x",
        "modules/m/0123456789ab/platform/modules/m/main.tf": b"# m",
    }
    assert bundle == bind(made, offline(EngineKind.TERRAFORM), modules={own.content: files})


def test_files_of_a_module_that_are_gone_are_missed() -> None:
    own = ModuleSource(SourceKind.LOCAL, "platform/modules/m", "0123456789abcdef")
    with pytest.raises(ConflictError) as e:
        bind(document(resource("db", module="m", source=own)), offline())
    assert str(e.value) == "the files of module `m` (0123456789ab) are no longer at hand; deploy it from Git"


def test_any_file_changes_the_digest() -> None:
    first = bind(document(resource("db", source=inline("# a"))), offline())
    second = bind(document(resource("db", source=inline("# b"))), offline())
    assert first.digest != second.digest


# What was renamed


def moved(*steps: Mapping[str, str], nodes: tuple[str, ...], before: tuple[tuple[str, ...], ...] = ()) -> list[str]:
    """`old > new` of every moved block; `steps`: new -> old, one for each document before the last."""
    documents = [document(*map(resource, names)) for names in before] or [document() for _ in steps]
    bundle = bind(
        document(*map(resource, nodes)),
        offline(),
        documents,
        moved=[{at(new): at(old) for new, old in step.items()} for step in steps],
    )
    known = {f"module.{module_name(at(name))}": name for name in ("a", "b", "c", "d", "e")}
    return [f"{known[pair['from']]} > {known[pair['to']]}" for pair in main(bundle).get("moved", [])]


@pytest.mark.parametrize(
    ("steps", "nodes", "pairs"),
    [
        pytest.param([{"b": "a"}], ("b",), ["a > b"], id="a-name-that-changed"),
        pytest.param([{"b": "a"}, {}], ("b",), ["a > b"], id="an-attempt-that-failed-keeps-it"),
        pytest.param([{"b": "a"}, {"c": "b"}], ("c",), ["b > c", "a > b"], id="a-chain"),
        pytest.param([{"b": "a"}, {"a": "b"}], ("a",), ["b > a"], id="there-and-back"),
        pytest.param([{"b": "a"}, {"c": "b"}, {"b": "c"}], ("b",), ["c > b", "a > c"], id="back-by-half"),
        pytest.param([{"b": "a"}, {}], ("a", "b"), [], id="a-name-that-is-in-use-again"),
        pytest.param([{"b": "a"}, {"c": "a"}], ("b", "c"), [], id="a-name-that-two-had"),
        pytest.param([{"b": "a", "d": "c"}], ("b", "d"), ["a > b", "c > d"], id="two-at-once"),
    ],
)
def test_every_name_that_the_state_may_know_leads_to_the_present_one(
    steps: list[Mapping[str, str]], nodes: tuple[str, ...], pairs: list[str]
) -> None:
    assert moved(*steps, nodes=nodes) == pairs


def test_a_name_that_two_had_is_said() -> None:
    nodes = document(resource("b"), resource("c"))
    steps = [{at("b"): at("a")}, {at("c"): at("a")}]
    bundle = bind(nodes, offline(), [document(), document()], moved=steps)
    assert bundle.notes == (
        "`a.default#x` may have become more than one resource; it is removed, and these are created",
    )


@pytest.mark.engine
def test_the_engine_takes_a_chain_and_keeps_the_resource(tmp_path: Path) -> None:
    engine = engine_at(tmp_path)
    before, between, now = (document(resource(name, params={"x": 1})) for name in ("db#a", "db#b", "db#c"))
    engine.applied(bind(before, offline()).files)
    held = json.loads((tmp_path / "terraform.tfstate").read_text())["resources"][0]["instances"]
    steps = [{at("db#b"): at("db#a")}, {at("db#c"): at("db#b")}]
    engine.applied(bind(now, offline(), [before, between], moved=steps).files)
    (found,) = json.loads((tmp_path / "terraform.tfstate").read_text())["resources"]
    assert (found["module"], found["instances"]) == (f"module.{module_name(at('db#c'))}", held)


# What was removed


def on(*names: str) -> ProviderKey:
    """A provider that is configured from outputs of nodes."""
    written = tuple(f"${{resources.r{number}.outputs.y}}" for number in range(len(names)))
    return ProviderKey("k8s", "main", tuple(Output(at(name), ("y",)) for name in names), written)


def k8s(*names: str) -> ProviderBlock:
    return ProviderBlock("hashicorp/kubernetes", None, {f"host{n}": ref(name) for n, name in enumerate(names)})


def test_the_provider_of_a_removed_node_stays_until_its_removal_succeeded() -> None:
    before = document(resource("db", providers={"aws": AWS}), providers={AWS: BLOCK})
    after = document()
    bundle = bind(after, offline(), [before, after])
    assert main(bundle)["provider"] == {provider_name(AWS): {"alias": provider_name(AWS), "region": "eu-1"}}
    assert main(bundle)["terraform"]["required_providers"] == {
        provider_name(AWS): {"source": "hashicorp/aws", "version": "~> 5.0"}
    }
    assert (main(bundle).get("module"), bundle.kept, bundle.notes) == (None, None, ())
    assert "provider" not in main(bind(after, offline(), [after]))


def test_a_provider_block_that_is_wanted_today_is_the_one_of_today() -> None:
    today = ProviderBlock("hashicorp/aws", "~> 6.0", {"region": "eu-2"})
    before = document(resource("db", providers={"aws": AWS}), providers={AWS: BLOCK})
    after = document(resource("dns", providers={"aws": AWS}), providers={AWS: today})
    assert main(bind(after, offline(), [before]))["provider"][provider_name(AWS)]["region"] == "eu-2"


def test_the_provider_of_a_node_with_other_code_stays_for_what_the_old_code_made() -> None:
    before = document(resource("db", providers={"aws": AWS}), providers={AWS: BLOCK})
    after = document(resource("db", source=inline("locals {}")))
    assert list(main(bind(after, offline(), [before]))["provider"]) == [provider_name(AWS)]
    renamed = document(resource("db#new", source=inline("locals {}")))
    steps = [{at("db#new"): at("db")}]
    assert list(main(bind(renamed, offline(), [before], moved=steps))["provider"]) == [provider_name(AWS)]
    same = document(resource("db", params={"x": 1}))
    assert "provider" not in main(bind(same, offline(), [before]))


def test_a_removed_node_stays_while_a_provider_of_removed_things_is_configured_from_it() -> None:
    key, deeper = on("cluster"), on("network")
    before = document(
        resource("app", providers={"k8s": key}),
        resource("cluster", params={"x": ref("network"), "y": ref("zone")}, providers={"k8s": deeper}),
        resource("network"),
        resource("zone"),
        resource("other", after=("app",)),
        providers={key: k8s("cluster"), deeper: k8s("network")},
    )
    after = document(resource("zone"))
    first = bind(after, offline(), [before])
    assert set(main(first)["module"]) == addresses("zone", "cluster", "network")
    assert set(main(first)["provider"]) == {provider_name(key), provider_name(deeper)}
    assert list(main(first)["output"]["platform_orchestrator_metadata"]["value"]) == ["zone.default#x"]
    assert first.notes == tuple(
        f"`{name}.default#x` stays until the next deployment: the provider of something that is removed now needs it"
        for name in ("cluster", "network")
    )
    assert first.kept is not None
    second = bind(after, offline(), [after], kept=first.kept)
    assert set(main(second)["module"]) == addresses("zone", "network")
    assert set(main(second)["provider"]) == {provider_name(deeper)}
    third = bind(after, offline(), [after], kept=second.kept)
    assert set(main(third)["module"]) == addresses("zone")
    assert (third.kept, "provider" in main(third)) == (None, False)


def test_what_stayed_once_finds_a_provider_that_was_wanted_then() -> None:
    """A deployment ended in a KeyError: what had been kept used a provider that only the next commit removed."""
    app, cluster = on("cluster"), AWS
    before = document(
        resource("app", providers={"k8s": app}),
        resource("cluster", providers={"aws": cluster}),
        providers={app: k8s("cluster"), cluster: BLOCK},
    )
    between = document(resource("dns", providers={"aws": cluster}), providers={cluster: BLOCK})
    first = bind(between, offline(), [before])
    assert first.kept is not None
    assert set(first.kept["providers"]) == {provider_name(app)}
    second = bind(document(resource("zone")), offline(), [between], kept=first.kept)
    assert set(main(second)["provider"]) == {provider_name(cluster)}


def test_what_stays_refers_to_renamed_nodes_by_their_present_name() -> None:
    key = on("cluster")
    before = document(resource("app", providers={"k8s": key}), resource("cluster"), providers={key: k8s("cluster")})
    after = document(resource("cluster#new"))
    bundle = bind(after, offline(), [before], moved=[{at("cluster#new"): at("cluster")}])
    assert set(main(bundle)["module"]) == addresses("cluster#new")
    assert main(bundle)["provider"][provider_name(key)] == {
        "alias": provider_name(key),
        "host0": f"${{module.{module_name(at('cluster#new'))}.y}}",
    }


def test_kept_nodes_of_two_pasts_keep_their_own_code() -> None:
    keys = on("cluster#a"), on("cluster#b")
    older, newer = (
        document(
            resource(f"app#{name}", providers={"k8s": key}),
            resource(f"cluster#{name}", source=inline(f"# {name}")),
            providers={key: k8s(f"cluster#{name}")},
        )
        for name, key in zip("ab", keys, strict=True)
    )
    bundle = bind(document(), offline(), [older, newer])
    sources = {name: block["source"] for name, block in main(bundle)["module"].items()}
    assert set(sources) == addresses("cluster#a", "cluster#b")
    code = {name: bundle.files[f"{source.removeprefix('./')}/main.tf"] for name, source in sources.items()}
    assert code == {module_name(at("cluster#a")): b"# a", module_name(at("cluster#b")): b"# b"}


def test_what_is_removed_keeps_the_commit_that_the_tag_of_its_module_was() -> None:
    address = "git::https://h/m.git?ref=v1"
    keys = {name: on(f"cluster#{name}") for name in "abc"}
    past = [
        document(
            resource(f"app#{name}", providers={"k8s": key}),
            resource(f"cluster#{name}", source=ModuleSource(SourceKind.GIT, address, address, name * 40)),
            providers={key: k8s(f"cluster#{name}")},
        )
        for name, key in keys.items()
    ]
    blocks = main(bind(document(), offline(), past))["module"]
    assert {name: block["source"] for name, block in blocks.items()} == {
        module_name(at(f"cluster#{name}")): f"git::https://h/m.git?ref={name * 40}" for name in "abc"
    }


def test_versions_of_providers_of_removed_things_stay_as_they_were() -> None:
    aws, random, other = (f"registry.opentofu.org/hashicorp/{name}" for name in ("aws", "random", "other"))
    pins = {name: ProviderPin("1.0.0", None, ()) for name in (aws, random, other)}
    code = inline()
    before = document(
        resource("db", providers={"aws": AWS}), providers={AWS: BLOCK}, pins=pins, requires={code.content: (random,)}
    )
    plain = inline("locals {}")
    for after in (document(), document(resource("db", source=plain), requires={plain.content: ()})):
        lock = bind(after, offline(), [before]).files[".terraform.lock.hcl"].decode()
        assert [line for line in lock.splitlines() if "provider" in line] == [
            f'provider "{aws}" {{',
            f'provider "{random}" {{',
        ]


def test_a_version_that_no_longer_fits_does_not_come_back_with_what_is_removed() -> None:
    pins = {"registry.opentofu.org/hashicorp/aws": ProviderPin("5.1.0", None, ())}
    before = document(resource("db", providers={"aws": AWS}), providers={AWS: BLOCK}, pins=pins)
    newer = ProviderBlock("hashicorp/aws", "~> 6.0", {})
    after = document(resource("dns", providers={"aws": AWS}), providers={AWS: newer})
    assert ".terraform.lock.hcl" not in bind(after, offline(), [before]).files


def test_workloads_leave_nothing_behind() -> None:
    bundle = bind(document(), offline(), [document(workload("api"))])
    assert bundle == bind(document(), offline())
