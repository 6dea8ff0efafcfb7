"""What does the platform offer, and what is wrong with its documents?"""

from __future__ import annotations

import pytest

from controller.catalog import read
from controller.errors import Place
from controller.model.catalog import (
    EnvironmentType,
    Module,
    ModuleParam,
    ModuleRule,
    ModuleSource,
    Requirement,
    ResourceType,
    SourceKind,
)
from controller.model.document import Node, plain
from controller.model.tree import Kind, MemoryTree
from tests.graph_factories import ENVIRONMENT_TYPES, catalog, module, platform, problems, tree

POSTGRES = """\
resource_type: postgres
description: A database.
module_source: /opt/postgres
module_params:
  size: {type: number, is_optional: true, description: GiB}
module_inputs: {env: "${context.env_id}"}
provider_mapping: {aws: aws.main}
dependencies:
  net: {type: network, class: "@", id: "@-sub", params: {cidr: 10}}
coprovisioned:
  - {type: backup, is_dependent_on_current: true, copy_dependents_from_current: true}
rules:
  - {}
  - {resource_class: large, project_id: shop, env_id: staging}
ordering: strict
"""
TYPES = "id: postgres\noutput_schema: {properties: {host: {type: string}}}\n---\nid: network\n---\nid: backup\n"
AWS = "provider_type: aws\nid: main\nsource: hashicorp/aws\nversion_constraint: '~> 6'\nconfiguration: {region: x}\n"
FILES = {
    "modules/postgres/module.yaml": POSTGRES,
    "resource-types/all.yaml": TYPES,
    "providers/aws.yaml": AWS,
}


def test_all_kinds_of_documents_are_read() -> None:
    found = catalog(FILES)
    assert found.environment_types == {
        "development": EnvironmentType(
            "development", "development", False, Place("platform/environment-types.yaml", 1, 3)
        ),
        "production": EnvironmentType("production", "production", True, Place("platform/environment-types.yaml", 2, 3)),
    }
    assert found.resource_types["postgres"] == ResourceType(
        "postgres", "", {"properties": {"host": {"type": "string"}}}, True, Place("platform/resource-types/all.yaml")
    )
    provider = found.providers[("aws", "main")]
    assert (provider.source, provider.version_constraint) == ("hashicorp/aws", "~> 6")
    assert plain(provider.configuration or Node(None, Place(""))) == {"region": "x"}


def test_a_module_bears_everything_that_is_written() -> None:
    path = "platform/modules/postgres/module.yaml"
    module = catalog(FILES).modules["postgres"]
    net = module.dependencies["net"]
    assert module == Module(
        id="postgres",
        description="A database.",
        resource_type="postgres",
        source=ModuleSource(SourceKind.PATH, "/opt/postgres", "/opt/postgres"),
        params={"size": ModuleParam("number", True, "GiB")},
        inputs={"env": Node("${context.env_id}", Place(path, 6, 22), Place(path, 6, 17))},
        provider_mapping={"aws": ("aws", "main")},
        dependencies={"net": Requirement("network", "@", "@-sub", net.params, Place(path, 9, 3))},
        coprovisioned=(Requirement("backup", None, None, None, Place(path, 11, 5), True, True),),
        rules=(
            ModuleRule("postgres", "postgres", "default", None, None, None, None, Place(path, 13, 5)),
            ModuleRule("postgres", "postgres", "large", None, "shop", None, "staging", Place(path, 14, 5)),
        ),
        place=Place(path),
        ordering="strict",
    )
    assert plain(net.params or Node(None, Place(""))) == {"cidr": 10}


def test_the_order_of_files_is_irrelevant() -> None:
    assert read.read(tree(FILES), "platform") == read.read(tree(dict(reversed(FILES.items()))), "platform")


def test_a_link_to_a_document_is_followed() -> None:
    files = {f"platform/{path}": text.encode() for path, text in FILES.items()}
    files["platform/environment-types.yaml"] = ENVIRONMENT_TYPES.encode()
    files["elsewhere/net.yaml"] = module("net", "network").encode()
    linked = MemoryTree.of({**files, "platform/modules/net.yaml": (Kind.LINK, b"../../elsewhere/net.yaml")})
    assert sorted(read.read(linked, "platform").catalog.modules) == ["net", "postgres"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        pytest.param(
            {"modules/postgres/module.yaml": POSTGRES.replace("module_params", "module_parms")},
            [
                "[postgres] platform/modules/postgres/module.yaml:4:1: unknown key `module_parms`; did you mean "
                "`module_params`?"
            ],
            id="unknown-key",
        ),
        pytest.param(
            {"modules/postgres/module.yaml": POSTGRES.replace("type: number", "type: numbr")},
            [
                "[postgres] platform/modules/postgres/module.yaml:5:16: `numbr` is not a value of `type`; did you mean "
                "`number`?"
            ],
            id="unknown-param-type",
        ),
        pytest.param(
            {"modules/postgres/module.yaml": POSTGRES.replace("resource_type: postgres", "resource_type: postgers")},
            [
                "[all] platform/modules/postgres/module.yaml:1:16: resource type `postgers` is unknown; did you mean "
                "`postgres`?"
            ],
            id="unknown-resource-type",
        ),
        pytest.param(
            {
                "modules/postgres/module.yaml": POSTGRES.replace("type: network", "type: netwrk").replace(
                    "aws.main", "aws.mian"
                )
            },
            [
                "[postgres] platform/modules/postgres/module.yaml:7:25: module `postgres` maps `aws` to provider "
                "`aws.mian`, which does not exist; did you mean `aws.main`?",
                "[postgres] platform/modules/postgres/module.yaml:9:15: resource type `netwrk` is unknown; did you "
                "mean `network`?",
            ],
            id="unknown-references",
        ),
        pytest.param(
            {"modules/postgres/module.yaml": POSTGRES + "  \nid: pg\n"},
            [
                "[postgres] platform/modules/postgres/module.yaml:17:5: module `pg` lies in a folder named `postgres`; "
                "rename the folder, or leave the `id` out"
            ],
            id="another-id-than-the-folder",
        ),
        pytest.param(
            {"modules/postgres/module.yaml": POSTGRES.replace("env:", "size:")},
            [
                "[postgres] platform/modules/postgres/module.yaml:6:17: `size` is both an input and a param of the "
                "module; keep it in `module_inputs` or in `module_params`"
            ],
            id="input-and-param-share-a-key",
        ),
        pytest.param(
            {"modules/postgres/module.yaml": POSTGRES.replace("env:", "for_each:").replace("size:", "count:")},
            [
                "[postgres] platform/modules/postgres/module.yaml:5:3: `count` cannot be the name of an input: the "
                "engine keeps it for itself; rename it in the module's code and here, or say with `variable: NAME` "
                "what the code calls it",
                "[postgres] platform/modules/postgres/module.yaml:6:17: `for_each` cannot be the name of an input: the "
                "engine keeps it for itself; rename it in the module's code and here",
            ],
            id="reserved-names",
        ),
        pytest.param(
            {"modules/postgres/module.yaml": POSTGRES.replace("project_id: shop, ", "env_type_id: produktion, ")},
            [
                "[postgres] platform/modules/postgres/module.yaml:14:54: a rule has both `env_id` and `env_type_id`; "
                "keep `env_id`, which says more",
                "[postgres] platform/modules/postgres/module.yaml:14:54: a rule with `env_id` says not which project "
                "it "
                "means; add `project_id`",
            ],
            id="env_id-without-project",
        ),
        pytest.param(
            {"modules/postgres/module.yaml": POSTGRES.replace("{}\n", "{env_type_id: prodution}\n")},
            [
                "[postgres] platform/modules/postgres/module.yaml:13:19: environment type `prodution` is unknown; did "
                "you mean `production`?"
            ],
            id="unknown-environment-type",
        ),
        pytest.param(
            {"modules/other.yaml": module("other", "postgres", rules="[{project_id: shop}, {}]")},
            [
                "[postgres] platform/modules/postgres/module.yaml:13:5: this rule selects what the rule of module "
                "`other` "
                "at platform/modules/other.yaml:4:29 selects; remove one of them, or let it say more"
            ],
            id="two-rules-for-the-same",
        ),
        pytest.param(
            {"providers/aws.yaml": AWS.replace("source: hashicorp/aws", "source: aws")},
            [
                "[aws.main postgres] platform/providers/aws.yaml:3:9: `aws` is not a valid provider source; write "
                "`NAMESPACE/TYPE`, with `HOST/` before it where it is not the engine's registry"
            ],
            id="a-broken-provider-stops-its-users-only",
        ),
        pytest.param(
            {"providers/aws.yaml": AWS.replace("region: x", "version: 3, 'zone[0]': {}")},
            [
                "[aws.main postgres] platform/providers/aws.yaml:5:17: the engine keeps the argument `version` for "
                "itself; set `version_constraint` beside `configuration`"
            ],
            id="reserved-provider-argument",
        ),
        pytest.param(
            {"providers/aws.yaml": AWS.replace("'~> 6'", "latest")},
            [
                "[aws.main postgres] platform/providers/aws.yaml:4:21: `latest` is not a valid version constraint; "
                "write `=`, `!=`, `>`, `>=`, `<`, `<=` or `~>` and a version, several of them with commas, like `>= "
                "5.0, < 6.0`"
            ],
            id="version-constraint",
        ),
        pytest.param(
            {"providers/aws.yaml": AWS.replace("region: x", f"region: {'x' * 5200}")},
            [
                "[aws.main postgres] platform/providers/aws.yaml:5:16: the configuration has 5213 bytes as JSON; keep "
                "it below 5120"
            ],
            id="large-configuration",
        ),
        pytest.param(
            {"resource-types/more.yaml": "id: workload\n---\nid: postgres\n"},
            [
                "[workload] platform/resource-types/more.yaml:1:5: the resource type `workload` is reserved; it names "
                "the workloads themselves; choose another id",
                "[postgres] platform/resource-types/more.yaml:3:1: resource type `postgres` is defined twice, the "
                "first "
                "time at platform/resource-types/all.yaml:1:1; remove one of them, or give it another id",
            ],
            id="reserved-and-double-resource-types",
        ),
        pytest.param(
            {"resource-types/more.yaml": "id: queue\noutput_schema: {propertis: {}, type: objekt, allOf: {}}\n"},
            [
                "[queue] platform/resource-types/more.yaml:2:17: `propertis` is no keyword of a schema; did you mean "
                "`properties`?",
                "[queue] platform/resource-types/more.yaml:2:38: `objekt` is no type of a schema; did you mean "
                "`object`?",
                "[queue] platform/resource-types/more.yaml:2:53: `allOf` is a list of schemas; write `- ` before each "
                "of "
                "them",
            ],
            id="output-schema",
        ),
        pytest.param(
            {"environment-types.yaml": "- {id: development, productoin: true}\n- id: production\n"},
            [
                "[all] platform/environment-types.yaml:1:21: unknown key `productoin`; did you mean `production`?",
            ],
            id="environment-types-stop-all",
        ),
        pytest.param(
            {"environment-types.yaml": "id: development\n"},
            [
                "[all] platform/environment-types.yaml:1:1: this is no list of environment types; write `- id: ID` for "
                "each of them"
            ],
            id="environment-types-no-list",
        ),
    ],
)
def test_a_fault_says_where_what_and_whom_it_stops(files: dict[str, str], told: list[str]) -> None:
    assert problems({**FILES, **files}) == told


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (
            "modules/a.yml",
            "modules/a.yml:1:1: nothing is read from a file that ends in `.yml`: `a.yml`; rename it to end in `.yaml`",
        ),
        (
            "modules/a/modul.yaml",
            "modules/a/modul.yaml:1:1: nothing is read from a file `modul.yaml`; did you mean `module.yaml`?",
        ),
        ("module/a.yaml", "module:1:1: nothing is read from a folder `module`; did you mean `modules`?"),
        (
            "enviroment-types.yaml",
            "enviroment-types.yaml:1:1: nothing is read from a file `enviroment-types.yaml`; did you mean "
            "`environment-types.yaml`?",
        ),
        (
            "aws.yaml",
            "aws.yaml:1:1: nothing is read from a file `aws.yaml`; move it into one of `modules/`, `providers/`, "
            "`resource-types/`, `runners/`",
        ),
        ("runners/eu/a.yaml", "runners/eu/a.yaml:1:1: nothing is read from here; move it up into `platform/runners`"),
    ],
)
def test_a_file_that_nobody_reads_is_told(path: str, told: str) -> None:
    assert problems({**FILES, path: ""}) == [f"[all] platform/{told}"]


def test_folders_of_code_without_a_document_are_left_alone() -> None:
    assert problems({**FILES, "modules/common/main.tf": "", "docs/readme.yaml": "x"}) == []


def test_several_modules_in_one_file_need_ids() -> None:
    assert problems(
        {**platform(module("db")), "modules/db.yaml": module("db") + "---\nresource_type: db\nmodule_source: /x\n"}
    ) == ["[db] platform/modules/db.yaml:6:1: this file describes several modules; give each of them an `id`"]


def test_a_file_with_an_unfit_name_needs_another_name() -> None:
    files = {**platform(module("db")), "modules/My_Mod.yaml": "resource_type: db\nmodule_source: /x\n"}
    assert problems(files) == [
        "[db] platform/modules/My_Mod.yaml:1:1: `My_Mod` is not a valid module id; use 2 to 100 lower-case letters, "
        "digits "
        "and single `-`, beginning with a letter; rename the file"
    ]


def test_a_module_that_cannot_be_read_stops_all() -> None:
    """Nobody knows which resource type it would have made."""
    found = read.read(tree({**FILES, "modules/postgres/module.yaml": "a: [\n"}), "platform").problems
    assert [each.resource_types for each in found] == [None]


def test_what_cannot_be_read_is_not_missed() -> None:
    """A resource type whose file cannot be read is not called unknown too: nobody can know."""
    told = problems({**FILES, "resource-types/all.yaml": "id: [\n", "providers/aws.yaml": "id: main\n"})
    assert [line.partition(": ")[0] for line in told] == [
        "[all] platform/providers/aws.yaml:1:1",
        "[all] platform/providers/aws.yaml:1:1",
        "[all] platform/resource-types/all.yaml:1:6",
    ]


def test_no_platform_stops_all() -> None:
    found = read.read(MemoryTree.of({"readme.md": ""}), "platform").problems
    assert [(str(each.problem), each.resource_types) for each in found] == [
        ("platform:1:1: there is no folder `platform`; add it, or name another in `lockstep.yaml`", None)
    ]


def test_missing_environment_types_are_told_with_an_example() -> None:
    found = read.read(MemoryTree.of({"platform/providers/aws.yaml": AWS}), "platform").problems
    assert [str(each.problem) for each in found] == [
        "platform/environment-types.yaml:1:1: the file is missing; list the types of environments there, like "
        "`- id: development`"
    ]


def test_limits_hold() -> None:
    inputs = "".join(f"  k{n}: x\n" for n in range(21))
    text = POSTGRES.replace('module_inputs: {env: "${context.env_id}"}', f"module_inputs:\n{inputs}")
    files = {**FILES, "modules/postgres/module.yaml": text}
    assert problems(files) == [
        "[postgres] platform/modules/postgres/module.yaml:7:3: `module_inputs` has 21 entries; keep at most 20"
    ]


@pytest.mark.parametrize(
    "path",
    ["modules/db.yaml", "modules/db/module.yaml", "providers/a.yaml", "resource-types/a.yaml", "runners/a.yaml"],
)
@pytest.mark.parametrize("content", ["", "# id: db\n", "---\n...\n"])
def test_an_emptied_file_stops_all(path: str, content: str) -> None:
    """A module whose file had been truncated was taken for one that is gone."""
    found = problems({**FILES, path: content})
    assert found
    assert all(line.startswith(f"[all] platform/{path}:1:1: ") for line in found)


def test_an_empty_file_says_so() -> None:
    assert problems({**FILES, "modules/db.yaml": ""}) == [
        "[all] platform/modules/db.yaml:1:1: the file is empty; describe something in it, or remove it"
    ]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (
            "modules/db.YAML",
            "modules/db.YAML:1:1: nothing is read from a file that ends in `.YAML`: `db.YAML`; rename it to end in "
            "`.yaml`",
        ),
        (
            "modules/aws/db/module.yaml",
            "modules/aws/db/module.yaml:1:1: nothing is read from here; move `platform/modules/aws/db` up into "
            "`platform/modules`",
        ),
    ],
)
def test_a_module_that_nobody_reads_is_told(path: str, told: str) -> None:
    assert problems({**FILES, path: module("db")}) == [f"[all] platform/{told}"]


def test_a_modules_folder_may_hold_data_of_that_name() -> None:
    assert problems({**FILES, "modules/postgres/data/module.yaml": "x"}) == []


def test_a_linked_folder_of_a_module_is_told() -> None:
    """Its module was silently missing, and another one chosen."""
    files = {f"platform/{path}": text.encode() for path, text in FILES.items()}
    files["platform/environment-types.yaml"] = ENVIRONMENT_TYPES.encode()
    files["other/db/module.yaml"] = b"resource_type: postgres\nmodule_source: .\n"
    linked = MemoryTree.of({**files, "platform/modules/db": (Kind.LINK, b"../../other/db")})
    assert [str(each.problem) for each in read.read(linked, "platform").problems] == [
        "platform/modules/db:1:1: nothing is read from the linked folder `db`; put the folder in its place"
    ]


def test_a_broken_module_of_an_unknown_type_stops_all_for_any_type_may_have_been_meant() -> None:
    """Two slips in one file, and `postgres` was deployed without the module's rules."""
    text = POSTGRES.replace("resource_type: postgres", "resource_type: postgers").replace("module_params", "params")
    assert problems({**FILES, "modules/postgres/module.yaml": text}) == [
        "[all] platform/modules/postgres/module.yaml:4:1: unknown key `params`; did you mean `module_params`?"
    ]


def test_of_a_module_that_is_defined_twice_nobody_knows_which_is_meant() -> None:
    assert problems({**FILES, "modules/postgres.yaml": module("postgres", "network")}) == [
        "[network postgres] platform/modules/postgres/module.yaml:1:1: module `postgres` is defined twice, the first "
        "time at platform/modules/postgres.yaml:1:1; remove one of them, or give it another id"
    ]


def test_no_module_makes_workloads_and_none_needs_one() -> None:
    files = {
        **platform(module("db", dependencies="{w: {type: workload}}"), types="id: db\n"),
        "modules/api.yaml": module("api", "workload"),
    }
    told = "`workload` is no resource type; it names the workloads themselves, which no module makes"
    assert problems(files) == [
        f"[all] platform/modules/api.yaml:2:16: {told}",
        f"[db] platform/modules/db.yaml:5:26: {told}",
    ]


@pytest.mark.parametrize("name", ["a", "a  b", " a", '"a\\u00a0b"', '"a\\u2028b"', '"a\\u0085b"', '"a\\tb"', "x" * 61])
def test_a_display_name_is_one_line_of_print(name: str) -> None:
    written = name if name.startswith('"') else f"'{name}'"
    found = problems({**FILES, "environment-types.yaml": f"- {{id: development, display_name: {written}}}\n"})
    assert [line.partition(" is not ")[2] for line in found if "display" in line] == [
        "a valid display name; use 2 to 60 printable characters, with single spaces inside"
    ]


@pytest.mark.parametrize("name", ["ab", "Développement é", "a b c", "x" * 60])
def test_other_display_names_are_taken(name: str) -> None:
    types = f"- {{id: development, display_name: '{name}'}}\n- id: production\n"
    assert catalog({**FILES, "environment-types.yaml": types}).environment_types["development"].display_name == name


@pytest.mark.parametrize(
    ("written", "messages"),
    [
        pytest.param(
            "'role[0]': x",
            [
                "5:17: `role[0]` is neither the name of an argument nor a nested block; "
                "write a map below it, or take the number away"
            ],
            id="no-map",
        ),
        pytest.param(
            "'role\\[0]': x",
            ["5:17: `role\\[0]` is neither the name of an argument nor a nested block; take the end away"],
            id="escaped",
        ),
        pytest.param(
            "'role[0]': {arn: x}, role: y",
            ["5:38: `role` is both an argument and a nested block; keep one of them"],
            id="both",
        ),
        pytest.param(
            "'role[0]': {'${var.X}': 1, 'in[0]': {'a b': 1}, alias: fine}",
            [
                "5:29: `${var.X}` cannot be the name of an argument; use letters, digits, `_` and `-`",
                "5:54: `a b` cannot be the name of an argument; use letters, digits, `_` and `-`",
            ],
            id="within-blocks",
        ),
    ],
)
def test_names_in_a_providers_configuration_are_told_where_they_stand(written: str, messages: list[str]) -> None:
    """They were told without file and line, and only where an environment used the provider."""
    text = AWS.replace("region: x", written)
    told = [f"[aws.main postgres] platform/providers/aws.yaml:{message}" for message in messages]
    assert problems({**FILES, "providers/aws.yaml": text}) == told


def test_a_map_that_is_an_argument_may_have_any_keys() -> None:
    text = AWS.replace("region: x", "tags: {'a b': 1, '${x}': 2, 'x[0]': {y: 1}}, 'role[0]': {}, 'role[1]': {}")
    assert problems({**FILES, "providers/aws.yaml": text}) == []


def test_a_long_version_constraint_is_refused_at_once() -> None:
    """Some hundred thousand blanks took minutes."""
    (told,) = problems({**FILES, "providers/aws.yaml": AWS.replace("'~> 6'", f"'{' ' * 500_000}'")})
    assert "is not a valid version constraint" in told


@pytest.mark.parametrize("pattern", ["^(a+)+$", "a*b*c*d", "(a|a)(a|b)(a|c)", "(ab){2,9}", "a?b?c?"])
def test_a_pattern_that_could_run_for_ever_is_refused(pattern: str) -> None:
    text = f'id: queue\noutput_schema: {{patternProperties: {{"{pattern}": {{}}}}}}\n'
    assert problems({**FILES, "resource-types/more.yaml": text}) == [
        f"[queue] platform/resource-types/more.yaml:2:37: the regular expression `{pattern}` could take very long to "
        "match; use at most two of `*`, `+`, `?` and `{…}`, and two groups, none of them repeated"
    ]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        pytest.param("a{99999999999}", "`a{99999999999}` is no regular expression; mend it", id="repeated-beyond-all"),
        pytest.param("(", "`(` is no regular expression; mend it", id="not-closed"),
        *(
            pytest.param(
                pattern,
                f"the regular expression `{pattern}` has `{signs}` in brackets, which not everybody reads in one way; "
                "write a `\\` before each of these signs",
                id=pattern,
            )
            for pattern, signs in [("[[a]", "["), ("^[a--b]", "--"), ("[a&&b]", "&&"), ("[^[]x", "[")]
        ),
        pytest.param("a" * 501, "a regular expression has 501 characters; use at most 500", id="long"),
        pytest.param("[" * 400_000, "a regular expression has 400000 characters; use at most 500", id="giant"),
    ],
)
def test_a_pattern_that_nobody_can_match_is_told(pattern: str, message: str) -> None:
    """Of these the first two kinds ended in a traceback, and the last one never."""
    text = f"id: queue\noutput_schema:\n  patternProperties:\n    ? '{pattern}'\n    : {{}}\n"
    assert problems({**FILES, "resource-types/more.yaml": text}) == [
        f"[queue] platform/resource-types/more.yaml:4:7: {message}"
    ]


@pytest.mark.parametrize(
    "pattern", ["^port_", "^[(+*]+-x$", "^(host|port)_[a-z]+$", r"^\\(\\)*x", "^a{2,3}b+$", r"[\\[\\-\\-]"]
)
def test_a_pattern_of_few_repetitions_is_taken(pattern: str) -> None:
    text = f'id: queue\noutput_schema: {{patternProperties: {{"{pattern}": {{}}}}}}\n'
    assert problems({**FILES, "resource-types/more.yaml": text}) == []


def test_all_limits_are_told_at_once() -> None:
    many = ", ".join(f"a{n}: {{type: network}}" for n in range(21))
    listed = ", ".join("{type: network}" for _ in range(21))
    mapped = ", ".join(f"a{n}: aws.main" for n in range(21))
    params = ", ".join(f"a{n}: 1" for n in range(21))
    text = module(
        "db",
        "postgres",
        rules="[]",
        description="x" * 201,
        dependencies=f"{{{many}}}",
        coprovisioned=f"[{listed}]",
        provider_mapping=f"{{{mapped}}}",
    )
    other = module("db2", "postgres", rules="[]", dependencies=f"{{n: {{type: network, params: {{{params}}}}}}}")
    assert problems({**FILES, "modules/db.yaml": text, "modules/db2.yaml": other}) == [
        "[postgres] platform/modules/db.yaml:5:14: `description` has 201 characters; use at most 200",
        "[postgres] platform/modules/db.yaml:6:15: `dependencies` has 21 entries; keep at most 20",
        "[postgres] platform/modules/db.yaml:7:16: `coprovisioned` has 21 entries; keep at most 20",
        "[postgres] platform/modules/db.yaml:8:19: `provider_mapping` has 21 entries; keep at most 20",
        "[postgres] platform/modules/db2.yaml:5:43: `params` has 21 entries; keep at most 20",
    ]
