"""The way of a commit from its files to what Git wants."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from controller import bases, pipeline
from controller.errors import LockstepError, ManifestError, NotFoundError, Place
from controller.model.bundle import Context, Pins, ProviderPin
from controller.model.deployment import EngineKind
from controller.model.document import placed, plain
from controller.model.manifest import EnvironmentConfig
from controller.model.tree import MemoryTree
from controller.pipeline import Resolved
from controller.tofu import desired, pinning
from controller.tofu.bind import bind, offline
from controller.tofu.sources import arguments
from tests.tofu_factories import engine_at

MODULE = """\
id: echo
resource_type: echo
module_source: .
includes: [../common]
module_params:
  x: {type: any, is_optional: true}
rules: [{}]
"""
CODE = """\
variable "x" {
  default = null
}
module "deep" {
  source = "../common"
  x      = var.x
}
output "y" {
  value = module.deep.y
}
"""
COMMON = 'variable "x" {}\nresource "terraform_data" "it" {\n  input = var.x\n}\noutput "y" {\n  value = var.x\n}\n'
FILES = {
    "platform/environment-types.yaml": "- id: development\n- id: staging\n- {id: production, production: true}\n",
    "platform/resource-types/echo.yaml": "id: echo\n---\nid: cloud\n",
    "platform/modules/echo/module.yaml": MODULE,
    "platform/modules/echo/main.tf": CODE,
    "platform/modules/common/main.tf": COMMON,
    "projects/shop/shop.manifest.yaml": (
        "workloads:\n  api:\n    resources:\n      it: {type: echo, params: {x: '${context.env_id}'}}\n"
        "    outputs:\n      X: ${resources.it.outputs.y}\n"
    ),
    "projects/shop/staging/environment.yaml": "{}\n",
    "projects/shop/production/environment.yaml": "source: environment://staging\n",
}
CLOUD = {
    "platform/modules/cloud.yaml": (
        "id: cloud\nresource_type: cloud\nmodule_source: inline\nrules: [{}]\nprovider_mapping: {aws: aws.main}\n"
        "module_source_code: |\n  terraform {\n    required_providers {\n      aws = {\n"
        '        source  = "hashicorp/aws"\n        version = ">= 5.0"\n      }\n    }\n  }\n'
    ),
    "platform/providers/aws.yaml": (
        "provider_type: aws\nid: main\nsource: hashicorp/aws\nversion_constraint: '~> 5.0'\n"
        "configuration: {region: '${var.REGION}'}\n"
    ),
    "projects/shop/staging/cloud.manifest.yaml": "shared:\n  cc: {type: cloud}\n",
}
AWS = "registry.terraform.io/hashicorp/aws"


def repository(changes: Mapping[str, str | None] | None = None) -> pipeline.Repository:
    """The files above, some changed, added, or (None) taken away."""
    files = {**FILES, **(changes or {})}
    return pipeline.read(MemoryTree.of({path: text for path, text in files.items() if text is not None}))


def resolved(
    changes: Mapping[str, str | None] | None = None, environment: str = "staging", pins: Pins | None = None, **more: Any
) -> Resolved:
    read = repository(changes)
    return pipeline.resolve(read, "shop", environment, pins=pins or Pins(), engine=EngineKind.TERRAFORM, **more)


def refused(changes: Mapping[str, str | None], environment: str = "staging", **more: Any) -> list[str]:
    with pytest.raises(LockstepError) as e:
        resolved(changes, environment, **more)
    return str(e.value).splitlines()


def test_a_commit_becomes_a_desired_document() -> None:
    found = resolved()
    assert pipeline.environments(repository()) == ("shop/production", "shop/staging")
    assert found.context == Context("shop", "staging", "staging", None)
    assert found.config == EnvironmentConfig(type="staging", place=Place("projects/shop/staging/environment.yaml"))
    assert (found.runner.id, found.warnings, found.unpinned) == ("local", (), ())
    assert found.desired.document["nodes"] == {
        "echo.default#workloads.api.it": {"module": "echo", "params": {"x": "staging"}},
        "workload.default#api": {
            "edges": {"it": "echo.default#workloads.api.it"},
            "outputs": {"X": {"$": [{"output": "echo.default#workloads.api.it", "path": ["y"]}]}},
        },
    }
    (content,) = found.module_files
    assert found.module_files == {
        content: {"platform/modules/common/main.tf": COMMON.encode(), "platform/modules/echo/main.tf": CODE.encode()}
    }


@pytest.mark.engine
def test_what_is_resolved_is_applied_by_a_real_engine(tmp_path: Path) -> None:
    found = resolved()
    bundle = bind(found.desired.document, offline(EngineKind.TERRAFORM), modules=found.module_files)
    engine_at(tmp_path).accepts(bundle.files)
    assert engine_at(tmp_path).applied(bundle.files)["api"] == {"X": "staging"}


def test_the_order_of_files_does_not_matter() -> None:
    backwards = pipeline.read(MemoryTree.of(dict(reversed(FILES.items()))))
    again = pipeline.resolve(backwards, "shop", "staging", pins=Pins(), engine=EngineKind.TERRAFORM)
    assert again.desired == resolved().desired


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"projects/shop/production/x.manifest.yaml": "{}\n"}, id="another-environment"),
        pytest.param({"README.md": "new"}, id="a-file-beside"),
        pytest.param({"platform/modules/echo/module.yaml": f"description: new\n{MODULE}"}, id="a-description"),
        pytest.param(
            {"platform/modules/cloud.yaml": CLOUD["platform/modules/cloud.yaml"].replace("  aws", "  own")}
            | {"platform/providers/aws.yaml": CLOUD["platform/providers/aws.yaml"]},
            id="a-module-that-is-not-used",
        ),
        pytest.param(
            {"projects/shop/staging/environment.yaml": "approval: plan\nlimits: {destroy: 3}\n"}, id="a-guard"
        ),
        pytest.param({"platform/.terraform.lock.hcl": f'provider "{AWS}" {{\n  version = "5.0.0"\n}}\n'}, id="a-lock"),
    ],
)
def test_what_does_not_concern_an_environment_leaves_its_digest(changes: Mapping[str, str]) -> None:
    assert resolved(changes).desired == resolved().desired


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"platform/modules/common/main.tf": f"{COMMON}# new\n"}, id="code"),
        pytest.param(
            {"projects/shop/shop.manifest.yaml": FILES["projects/shop/shop.manifest.yaml"] + "      Y: b\n"},
            id="the-manifest",
        ),
        pytest.param(
            {"projects/shop/staging/environment.yaml": "type: production\n"}
            | {
                "projects/shop/shop.manifest.yaml": FILES["projects/shop/shop.manifest.yaml"].replace(
                    "env_id", "env_type_id"
                )
            },
            id="the-type",
        ),
    ],
)
def test_what_concerns_it_changes_its_digest(changes: Mapping[str, str]) -> None:
    assert resolved(changes).desired.digest != resolved().desired.digest


# What is wrong, and whom it stops


def test_everything_that_is_wrong_is_said_at_once() -> None:
    changes = {
        "projects/shop/staging/environment.yaml": "typ: production\n",
        "projects/shop/staging/manifets.yaml": "{}\n",
        "platform/modules/bad.yaml": "id: bad\nresource_type: echo\nmodule_source: .. .\nrules: [{}]\n",
        "platform/runners/r.yaml": "id: r1\nrunner_configuration: {type: nope}\n",
    }
    assert refused(changes, used=["echo"]) == [
        "platform/modules/bad.yaml:3:16: module source `.. .` has blanks in it; leave them out",
        "platform/runners/r.yaml:2:30: `nope` is not a value of `type`; use `local` or `kubernetes`",
        "projects/shop/staging/environment.yaml:1:1: unknown key `typ`; did you mean `type`?",
        "projects/shop/staging/manifets.yaml:1:1: `manifets.yaml` is none of the files that an environment's directory "
        "holds, and no Score file mounts it; did you mean `manifest.yaml`?",
    ]


def test_a_broken_module_stops_those_that_ask_for_its_type_alone() -> None:
    broken = {"platform/modules/cloud.yaml": "id: cloud\nresource_type: cloud\nmodule_source: a b\nrules: [{}]\n"}
    complaint = "platform/modules/cloud.yaml:3:16: module source `a b` has blanks in it; leave them out"
    assert resolved(broken).desired == resolved().desired
    asking = {**broken, "projects/shop/staging/cloud.manifest.yaml": "shared:\n  cc: {type: cloud}\n"}
    assert refused(asking) == [complaint]
    assert refused(broken, used=["cloud"]) == [complaint]


def test_rules_are_not_evaluated_while_a_file_cannot_be_read() -> None:
    said = refused({"platform/modules/echo/module.yaml": "id: echo\n  resource_type: echo\n"})
    assert [line.partition(":")[0] for line in said] == ["platform/modules/echo/module.yaml"]


def test_no_type_is_called_wrong_while_the_types_cannot_be_read() -> None:
    changes = {
        "platform/environment-types.yaml": "- id: [\n",
        "projects/shop/staging/environment.yaml": "type: staging\n",
    }
    assert [line.partition(":")[0] for line in refused(changes)] == ["platform/environment-types.yaml"]


def test_an_environment_that_no_runner_serves_is_refused() -> None:
    runner = (
        "id: eu\nrunner_configuration: {type: local}\nstate_storage_configuration: {type: local}\n"
        "rules: [{env_type_id: production}]\n"
    )
    assert refused({"platform/runners/eu.yaml": runner}) == [
        "projects/shop/staging/environment.yaml:1:1: no runner serves shop/staging, which is of type `staging`; "
        "give a runner a rule that does"
    ]


@pytest.mark.parametrize(
    ("project", "environment", "message"),
    [
        ("shop", "stagin", "environment `shop/stagin` is not declared; did you mean `staging`?"),
        ("shop", "x", "environment `shop/x` is not declared; there are production, staging"),
        ("shp", "x", "project `shp` is not declared; did you mean `shop`?"),
    ],
)
def test_what_is_not_declared_is_not_found(project: str, environment: str, message: str) -> None:
    with pytest.raises(NotFoundError) as e:
        pipeline.resolve(repository(), project, environment, pins=Pins(), engine=EngineKind.OPENTOFU)
    assert str(e.value) == message


# Promotion


def test_a_promoted_environment_takes_the_manifest_of_its_source() -> None:
    base = bases.base_of(repository(), "shop", "production")
    assert base is not None
    assert plain(base) == plain(resolved().manifest.document)
    found = resolved(environment="production", base=base)
    assert found.desired.document["nodes"]["echo.default#workloads.api.it"]["params"] == {"x": "production"}
    assert bases.base_of(repository(), "shop", "staging") is None


def test_without_a_manifest_of_its_source_it_waits() -> None:
    assert refused({}, "production") == [
        "projects/shop/production/environment.yaml:1:9: there is no manifest of `environment://staging` yet; "
        "deploy that one first"
    ]


def sources(**names: str) -> dict[str, str | None]:
    made: dict[str, str | None] = {
        f"projects/shop/{name}/environment.yaml": f"source: {source}\n" for name, source in names.items()
    }
    return {"projects/shop/production/environment.yaml": None, **made}


def test_a_circle_of_sources_is_an_error_that_prints_it() -> None:
    chain = sources(aa="environment://bb", bb="environment://cc", cc="environment://bb")
    circle = "sources go round in a circle: bb → cc → bb; take one `source` out of it"
    assert refused(chain, "aa") == [f"projects/shop/aa/environment.yaml:1:9: {circle}"]
    with pytest.raises(ManifestError) as e:
        bases.base_of(repository(chain), "shop", "aa")
    assert str(e.value) == f"projects/shop/aa/environment.yaml:1:9: {circle}"


def test_environments_that_wait_for_one_another_are_an_error_that_prints_the_circle() -> None:
    waiting = {
        "projects/shop/aa/environment.yaml": "after: [bb]\n",
        "projects/shop/bb/environment.yaml": "after: [staging, cc]\n",
        "projects/shop/cc/environment.yaml": "type: staging\nafter:\n  - bb\n",
    }
    circle = "environments wait for one another: {}; take one of them out of `after`"
    assert refused(waiting, "aa") == [f"projects/shop/aa/environment.yaml:1:8: {circle.format('bb → cc → bb')}"]
    assert refused(waiting, "cc") == [f"projects/shop/cc/environment.yaml:3:3: {circle.format('cc → bb → cc')}"]
    assert resolved(waiting).desired == resolved().desired


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("environment://stagin", "project `shop` has no environment `stagin`; did you mean `staging`?"),
        (
            "deployment://0192",
            "the manifest of `deployment://0192` is known to the controller alone; "
            "use `environment://NAME` to have it checked offline",
        ),
    ],
)
def test_a_source_that_the_commit_does_not_hold_has_no_base(source: str, message: str) -> None:
    with pytest.raises(ManifestError) as e:
        bases.base_of(repository(sources(aa=source)), "shop", "aa")
    assert str(e.value) == f"projects/shop/aa/environment.yaml:1:9: {message}"


# A manifest that somebody brings


def test_a_manifest_of_a_person_takes_the_same_way() -> None:
    document = placed(plain(resolved().manifest.document), Place("-"))
    given = pipeline.resolve_manifest(
        repository(), "shop", "staging", document, pins=Pins(), engine=EngineKind.TERRAFORM
    )
    assert given.desired == resolved().desired


def test_a_manifest_needs_no_declaration_where_its_settings_are_given() -> None:
    document = placed({"workloads": {}}, Place("-"))
    config = EnvironmentConfig(type="staging", place=Place("-"))
    given = pipeline.resolve_manifest(
        repository(), "shop", "trial", document, pins=Pins(), engine=EngineKind.TERRAFORM, config=config
    )
    assert (given.context.env_id, given.desired.document["nodes"]) == ("trial", {})


def test_a_bad_manifest_of_a_person_is_refused_with_its_places() -> None:
    with pytest.raises(ManifestError) as e:
        pipeline.resolve_manifest(
            repository(),
            "shop",
            "staging",
            placed({"worklods": {}}, Place("m.yaml", 1, 1)),
            pins=Pins(),
            engine=EngineKind.TERRAFORM,
        )
    assert str(e.value).splitlines()[-1].startswith("m.yaml:1:1: unknown key `worklods`; did you mean `workloads`?")


# Versions


def pin(version: str) -> ProviderPin:
    return ProviderPin(version, None, ("h1:x",))


def locked(version: str, name: str = AWS) -> dict[str, str]:
    return {**CLOUD, "platform/.terraform.lock.hcl": f'provider "{name}" {{\n  version = "{version}"\n}}\n'}


def test_recorded_versions_hold_as_long_as_they_meet_what_is_asked() -> None:
    recorded = Pins({AWS: pin("5.2.0"), "registry.terraform.io/a/b": pin("1.0.0")})
    assert list(resolved(CLOUD, pins=recorded).desired.document["pins"]["providers"]) == [AWS]
    newer = {**CLOUD, "platform/providers/aws.yaml": CLOUD["platform/providers/aws.yaml"].replace("~> 5.0", "~> 6.0")}
    assert resolved(newer, pins=recorded).desired.document["pins"]["providers"] == {}


@pytest.mark.parametrize(
    ("written", "given"),
    [
        pytest.param("?ref=v1", f"?ref={'c' * 40}", id="tag"),
        pytest.param("", f"?ref={'c' * 40}", id="default-branch"),
        pytest.param("?depth=1&ref=v1", f"?ref={'c' * 40}", id="depth-fetches-no-commit"),
        pytest.param(f"?ref={'d' * 40}&depth=1", f"?ref={'d' * 40}", id="whole-commit"),
    ],
)
def test_the_engine_is_given_the_commit_that_is_recorded(written: str, given: str) -> None:
    address = f"git::https://h/m.git//db{written}"
    files = {
        "platform/modules/cloud.yaml": f"id: cloud\nresource_type: cloud\nmodule_source: {address}\nrules: [{{}}]\n",
        "projects/shop/staging/cloud.manifest.yaml": CLOUD["projects/shop/staging/cloud.manifest.yaml"],
    }
    found = resolved(files, pins=Pins(modules={address: "c" * 40}))
    module = found.desired.document["modules"]["cloud"]
    assert arguments("cloud", module) == {"source": f"git::https://h/m.git//db{given}"}
    assert found.unpinned == ()
    elsewhere = Pins(modules={address: "c" * 40, "git::https://h/other.git?ref=v1": "e" * 40})
    assert resolved(files, pins=elsewhere).desired.text == found.desired.text


def test_a_tag_that_moved_is_a_reason() -> None:
    address = "git::https://h/m.git?ref=v1"
    files = {
        "platform/modules/cloud.yaml": f"id: cloud\nresource_type: cloud\nmodule_source: {address}\nrules: [{{}}]\n",
        "projects/shop/staging/cloud.manifest.yaml": CLOUD["projects/shop/staging/cloud.manifest.yaml"],
    }
    before, after = (resolved(files, pins=Pins(modules={address: id_ * 40})) for id_ in "cd")
    said = "module `cloud`: `ref=v1` moved from cccccccccc to dddddddddd"
    assert before.desired.digest != after.desired.digest
    assert pinning.moved(before.desired.document, after.desired.document) == (said,)
    assert pinning.moved(before.desired.document, before.desired.document) == ()
    open_ = resolved(files).desired.document
    assert pinning.moved(open_, after.desired.document) == ()
    known = desired.at_commits(open_, {address: "d" * 40})
    assert known is not None
    assert known.text == after.desired.text
    assert desired.at_commits(after.desired.document, {address: "e" * 40}) is None
    assert desired.commits_of(after.desired.document) == {address: "d" * 40}


def test_what_has_no_recorded_version_is_said() -> None:
    git = {
        "platform/modules/cloud.yaml": (
            "id: cloud\nresource_type: cloud\nmodule_source: git::https://h/m.git?ref=v1\nrules: [{}]\n"
        ),
        "projects/shop/staging/cloud.manifest.yaml": CLOUD["projects/shop/staging/cloud.manifest.yaml"],
    }
    assert resolved(CLOUD).unpinned == (f"provider `{AWS}`: no version is recorded, the first `init` chooses one",)
    assert resolved(CLOUD, pins=Pins({AWS: pin("5.2.0")})).unpinned == ()
    assert resolved(git).unpinned == (
        "module `cloud`: `v1` of https://h/m.git is not an exact version, and no commit is recorded for it",
    )
    recorded = Pins(modules={"git::https://h/m.git?ref=v1": "c" * 40})
    pinned = resolved(git, pins=recorded)
    assert (pinned.unpinned, pinned.desired.document["modules"]["cloud"]["version"]) == ((), "c" * 40)


def test_the_lock_file_of_the_repository_goes_before_recorded_versions() -> None:
    found = resolved(locked("5.1.0"), pins=Pins({AWS: pin("5.2.0")}))
    assert found.desired.document["pins"]["providers"] == {AWS: {"version": "5.1.0", "hashes": []}}


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        pytest.param(
            locked("5.1.0", "registry.opentofu.org/hashicorp/aws"),
            [
                f"1:1: `{AWS}`, which module `cloud` needs, has no entry",
                f"1:1: `{AWS}`, which provider `aws.main` needs, has no entry",
            ],
            id="no-entry",
        ),
        pytest.param(
            locked("4.9.0"),
            [
                f"1:1: `{AWS}` is locked to 4.9.0, but module `cloud` asks for `>= 5.0`",
                f"1:1: `{AWS}` is locked to 4.9.0, but provider `aws.main` asks for `~> 5.0`",
            ],
            id="another-version",
        ),
        pytest.param(
            {"platform/.terraform.lock.hcl": "provider {"}, ["1:10: this `{` is not closed"], id="not-readable"
        ),
    ],
)
def test_a_lock_file_that_does_not_serve_is_an_error_of_that_file(
    changes: Mapping[str, str], messages: list[str]
) -> None:
    assert [line.partition(";")[0] for line in refused(changes)] == [
        f"platform/.terraform.lock.hcl:{message}" for message in messages
    ]
