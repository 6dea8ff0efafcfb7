"""Whatever a commit holds: `lockstep validate` says all that is wrong, each with its place, and never a traceback."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import cli
from tests.sample_factories import SAMPLE

# What the platform and a project may consist of, one file of each kind, as small as they can be.
SMALL = {
    "lockstep.yaml": "platform: platform\n",
    "platform/environment-types.yaml": "- id: development\n",
    "platform/resource-types/all.yaml": "id: db\n---\nid: score-workload\n",
    "platform/modules/db/module.yaml": "resource_type: db\nmodule_source: .\nrules: [{}]\n",
    "platform/modules/db/main.tf": 'output "host" {\n  value = "x"\n}\n',
    "platform/modules/db/more.tf.json": "{}\n",
    "platform/modules/score-workload.yaml": (
        "resource_type: score-workload\nmodule_source: /opt/run\nrules: [{}]\n"
        "module_params: {metadata: {type: map}, containers: {type: map}, service: {type: map}}\n"
    ),
    "platform/providers/aws.yaml": "provider_type: aws\nid: main\nsource: hashicorp/aws\n",
    "platform/runners/all.yaml": "id: local\nrunner_configuration: {type: local}\nrules: [{}]\n",
    "platform/.terraform.lock.hcl": "",
    "projects/shop/project.yaml": "display_name: Shop\n",
    "projects/shop/api.score.yaml": (
        "apiVersion: score.dev/v1b1\nmetadata: {name: api}\n"
        "containers: {main: {image: ., files: {/etc/x: {source: data/x}}}}\nresources: {db: {type: db}}\n"
    ),
    "projects/shop/data/x": "${resources.db.host}\n",
    "projects/shop/shared.manifest.yaml": "shared: {main: {type: db}}\n",
    "projects/shop/dev/environment.yaml": "images: {api: nginx}\n",
    "projects/shop/dev/api.score-overrides.yaml": "containers: {main: {args: [x]}}\n",
    "projects/shop/dev/manifest.yaml": "workloads: {api: {outputs: {H: '${resources.db.outputs.host}'}}}\n",
}
LOCATED = re.compile(r"(?P<path>[^:]+):(?P<line>\d+):(?P<column>\d+): .+; .+")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return written(tmp_path / "small", SMALL)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A copy of the sample repository."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "repo"))


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def told(capsys: pytest.CaptureFixture[str], folder: Path) -> list[str]:
    """What is said of a folder: nothing on stdout, and on stderr problems in order of place, if the code is 1."""
    code = cli.main(["validate", str(folder)])
    out, err = capsys.readouterr()
    lines = err.splitlines()
    found = [LOCATED.fullmatch(line) for line in lines]
    assert (out, [line for line, match in zip(lines, found, strict=True) if match is None]) == ("", [])
    places = [(match["path"], int(match["line"]), int(match["column"])) for match in found if match]
    assert places == sorted(places)
    assert code == (1 if lines else 0)
    return lines


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


# Everything at once


def test_broken_files_all_over_a_repository_are_all_told(capsys: pytest.CaptureFixture[str], repo: Path) -> None:
    shop, platform = repo / "projects/shop", repo / "platform"
    change(repo / "lockstep.yaml", "organization:", "organisation:")
    change(platform / "environment-types.yaml", "production: true", "production: yes")
    change(platform / "modules/volume/module.yaml", "is_optional", "optional")
    change(platform / "resource-types/queue.yaml", "{type: string}", "{type: text}")
    change(platform / "runners/local.yaml", "type: local", "type: lokal")
    (platform / ".terraform.lock.hcl").write_text("provider {\n")
    (platform / "runner").mkdir()
    (platform / "runner/mine.yaml").write_text("id: mine\n")
    change(repo / "projects/insights/project.yaml", "type: production", "type: live")
    change(repo / "projects/insights/collector.score.yaml", "image: .", "imgae: .")
    change(repo / "projects/insights/collector.score.yaml", "${resources.exports.name}", "${resources.export.name}")
    change(shop / "shared.manifest.yaml", "type: queue", "type: quue")
    change(shop / "storefront.score.yaml", "name: storefront", "name: [storefront]")
    change(shop / "development/environment.yaml", "limits:", "limis:")
    change(shop / "development/mailbox.manifest.yaml", "outputs.source", "outputs.sorce")
    (shop / "development/manifets.yaml").write_text("{}\n")
    change(shop / "staging/environment.yaml", "images:", "images: [")
    change(shop / "staging/load-test.manifest.yaml", "type: bucket", "typ: bucket")
    change(shop / "production/environment.yaml", "environment://staging", "environment://stage")
    change(shop / "production/manifest.yaml", "load-test: null", "load-test: {outputs: 3}")
    assert told(capsys, repo) == [
        "lockstep.yaml:4:1: unknown key `organisation`; did you mean `organization`?",
        "platform/.terraform.lock.hcl:1:10: this `{` is not closed; let the engine write this file: "
        "`providers lock`, with the platforms that the runners have",
        "platform/environment-types.yaml:8:15: `production` must be `true` or `false`, not the text `yes`; "
        "write `true` or `false`",
        "platform/modules/volume/module.yaml:7:27: unknown key `optional`; did you mean `is_optional`?",
        "platform/resource-types/queue.yaml:6:18: `text` is no type of a schema; use one of `array`, "
        "`boolean`, `integer`, `null`, `number`, `object`, `string`",
        "platform/runner:1:1: nothing is read from a folder `runner`; did you mean `runners`?",
        "platform/runners/local.yaml:4:9: `lokal` is not a value of `type`; did you mean `local`?",
        "projects/insights/collector.score.yaml:8:5: unknown key `imgae`; did you mean `image`?",
        "projects/insights/collector.score.yaml:11:16: placeholder `${resources.export.name}` names the "
        "resource `export`, which this file does not have; did you mean `exports`?",
        "projects/insights/project.yaml:3:9: environment type `live` does not exist; known are "
        "`development`, `production` and `staging`",
        "projects/shop/development/environment.yaml:7:1: unknown key `limis`; did you mean `limits`?",
        "projects/shop/development/mailbox.manifest.yaml:9:15: `${resources.messages.outputs.sorce}`: "
        "resource type `volume` has no output `sorce`; did you mean `source`?",
        "projects/shop/development/manifets.yaml:1:1: `manifets.yaml` is none of the files that an "
        "environment's directory holds, and no Score file mounts it; did you mean `manifest.yaml`?",
        "projects/shop/production/environment.yaml:2:9: project `shop` has no environment `stage`; did you "
        "mean `staging`?",
        "projects/shop/production/manifest.yaml:6:24: `outputs` must be a map, not the number `3`; write "
        "`key: value` lines below it",
        "projects/shop/shared.manifest.yaml:4:11: resource type `quue` is unknown (for "
        "`quue.default#shared.events`, shared resource `events` at projects/shop/shared.manifest.yaml:3:3); "
        "did you mean `queue`?",
        "projects/shop/staging/environment.yaml:1:9: the list or map in brackets that begins here has no "
        "end, or lacks a `,`; add the bracket or the comma",
        "projects/shop/staging/load-test.manifest.yaml:6:9: unknown key `typ`; did you mean `type`?",
        "projects/shop/storefront.score.yaml:3:9: `name` must be a text, not a list; write a text",
    ]


def test_what_is_wrong_in_an_environment_is_not_hidden_by_what_it_says_of_itself(
    capsys: pytest.CaptureFixture[str], small: Path
) -> None:
    dev = small / "projects/shop/dev"
    (small / "projects/shop/project.yaml").write_text("dispaly_name: Shop\n")
    (dev / "environment.yaml").write_text("imags: {api: nginx}\nlimits: none\nprotected: [dbs]\n")
    (dev / "manifest.yaml").write_text("workloads: {api: {outputs: {H: '${resources.bd.outputs.host}'}}}\nshard: {}\n")
    assert told(capsys, small) == [
        "projects/shop/dev/environment.yaml:1:1: unknown key `imags`; did you mean `images`?",
        "projects/shop/dev/environment.yaml:2:9: `limits` must be a map, not the text `none`; write `key: "
        "value` lines below it",
        "projects/shop/dev/environment.yaml:3:13: resource type `dbs` is unknown; did you mean `db`?",
        "projects/shop/dev/manifest.yaml:1:32: `${resources.bd.outputs.host}`: workload `api` has no "
        "resource `bd`; did you mean `db`?",
        "projects/shop/dev/manifest.yaml:2:1: unknown key `shard`; did you mean `shared`?",
        "projects/shop/project.yaml:1:1: unknown key `dispaly_name`; did you mean `display_name`?",
    ]


def test_what_is_wrong_in_an_environment_is_not_hidden_by_its_source(
    capsys: pytest.CaptureFixture[str], small: Path
) -> None:
    written(
        small,
        {
            "projects/shop/dev/manifest.yaml": "workloads: {api: {output: {H: x}}}\n",
            "projects/shop/live/environment.yaml": "source: environment://dev\napproval: destory\n",
            "projects/shop/live/manifest.yaml": "shared: {main: {params: {size: 1}}, mian: null}\nworklods: {}\n",
        },
    )
    assert told(capsys, small) == [
        "projects/shop/dev/manifest.yaml:1:19: unknown key `output`; did you mean `outputs`?",
        "projects/shop/live/environment.yaml:2:11: `destory` is not a value of `approval`; did you mean `destroy`?",
        "projects/shop/live/manifest.yaml:1:26: module `db` has no param `size` (for "
        "`db.default#shared.main`, shared resource `main` at projects/shop/shared.manifest.yaml:1:10); it "
        "takes none",
        "projects/shop/live/manifest.yaml:1:37: `null` deletes `shared.mian`, which the layer below does not "
        "have; did you mean `main`?",
        "projects/shop/live/manifest.yaml:2:1: unknown key `worklods`; did you mean `workloads`?",
    ]


def test_an_unreadable_environment_leaves_others_their_problems(
    capsys: pytest.CaptureFixture[str], small: Path
) -> None:
    written(
        small,
        {
            "projects/shop/dev/environment.yaml": "images: {api: nginx\n",
            "projects/shop/dev/manifest.yaml": "workloads: {api: {resources: {x: {typ: db}}}}\n",
            "projects/blog/dev/manifest.yaml": "shared: {main: {type: bd}}\n",
        },
    )
    assert told(capsys, small) == [
        "projects/blog/dev/manifest.yaml:1:23: resource type `bd` is unknown (for `bd.default#shared.main`, "
        "shared resource `main` at projects/blog/dev/manifest.yaml:1:10); did you mean `db`?",
        "projects/shop/dev/environment.yaml:1:9: the list or map in brackets that begins here has no end, or "
        "lacks a `,`; add the bracket or the comma",
        "projects/shop/dev/manifest.yaml:1:35: unknown key `typ`; did you mean `type`?",
    ]


# Files that nobody can have meant

HOSTILE: Mapping[str, bytes] = {
    "binary": bytes(range(256)) * 20,
    "an-executable": b"\x7fELF\x02\x01\x01" + b"\0" * 100,
    "tabs": b"a:\n\tb: 1\n",
    "nul": b"a: b\0c\n",
    "an-escaped-nul": b'a: "b\\0c"\n',
    "latin-1": "a: é\n".encode("latin-1"),
    "utf-16": "a: b\n".encode("utf-16"),
    "a-control-character-in-a-key": b'"a\\x1b[31m": 1\n',
    "half-a-surrogate-pair": b'a: "\\ud800"\n',
    "more-than-a-mebibyte": b'a: "' + b"x" * 1024 * 1024 + b'"\n',
    "one-long-line": b'a: "' + b"x" * 500_000 + b'"\n',
    "a-long-key": b"? " + b"k" * 2000 + b"\n: 1\n",
    "many-keys": b"".join(b"k%d: 1\n" % n for n in range(2000)),
    "a-key-many-times": b"a: 1\n" * 500,
    "a-bomb": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (n + 1, n + 1, b",".join([b"*%c" % n] * 9)) for n in range(97, 109)),
    "brackets": b"[" * 50_000,
    "deep-maps": b"a: " + b"{a: " * 2000 + b"1" + b"}" * 2000,
    "deep-blocks": b"".join(b" " * n + b"a:\n" for n in range(300)),
    "a-name-inside-itself": b"a: &a [*a]\n",
    "a-merge-into-itself": b"a: &a\n  <<: *a\n",
    "a-name-that-is-not-there": b"a: *x\n",
    "python": b'a: !!python/object/apply:os.system ["id"]\n',
    "another-version": b"%YAML 9.9\n---\na: 1\n",
    "a-huge-number": b"a: " + b"9" * 5000 + b"\n",
    "not-a-number": b"a: .nan\n",
    "no-text-as-a-key": b"1: 2\ntrue: 3\n~: 4\n? [a]\n: 5\n",
    "no-end-of-quotes": b'a: "x\nb: 2\n',
    "no-indentation": b"a:\n  b: 1\n c: 2\n",
    "a-list": b"- {id: xx}\n- 3\n- null\n",
    "a-text": b"hello\n",
    "a-number": b"42\n",
    "other-types": (
        b"id: []\nresource_type: {}\nmodule_source: []\nrules: {}\nrunner_configuration: []\nmetadata: []\n"
        b"containers: 3\nresources: []\nworkloads: []\nshared: 3\nimages: []\nlimits: 3\nafter: {}\nsource: {}\n"
    ),
    "nulls": b"id:\nmetadata:\ncontainers:\nworkloads: {x1: , x2: {resources: {r: }}}\nshared: {a1: }\nimages: {a: }\n",
    "placeholders": (
        b'workloads: {xx: {resources: {r: {type: "${", params: {a: "${", b: "${a.b", c: "${{}}"}}}, '
        b'outputs: {"${": "${"}}}\n'
    ),
    "blocks-without-end": b'variable "x" {' * 2000,
}
# Nothing is said in them, which may be right; if it is not, the files that miss something say so.
SILENT: Mapping[str, bytes] = {
    "nothing": b"",
    "lines": b"\n" * 1000,
    "comments": b"# only\n# comments\n",
    "empty-documents": b"---\n---\n",
    "an-empty-map": b"{}\n",
    "an-empty-list": b"[]\n",
    "null": b"null\n",
    "a-byte-order-mark": b"\xef\xbb\xbf{}\n",
}
# Score mounts it as it is, and the engine reads what is not YAML.
ANYTHING = ("projects/shop/data/x", "platform/modules/db/main.tf", "platform/modules/db/more.tf.json")


@pytest.mark.parametrize("content", [*HOSTILE, *SILENT])
def test_a_file_of_any_content_is_told_or_is_fine(
    capsys: pytest.CaptureFixture[str], small: Path, content: str
) -> None:
    for path, text in SMALL.items():
        (small / path).write_bytes({**HOSTILE, **SILENT}[content])
        lines = told(capsys, small)
        is_told = any(line.startswith(f"{path}:") for line in lines)
        assert is_told or content in SILENT or path in ANYTHING, (path, lines)
        (small / path).write_text(text)
    assert told(capsys, small) == []


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def folder(path: Path) -> None:
    written(path, {"x": ""})


SHAPES: Mapping[str, Callable[[Path], None]] = {
    "a-link-to-itself": lambda path: path.symlink_to(path.name),
    "a-link-out-of-the-repository": link("/etc/hostname"),
    "a-link-to-nothing": link("nothing"),
    "a-link-to-its-folder": link("."),
    "a-folder": folder,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_no_file_where_a_file_is_read_is_told_or_missed(
    capsys: pytest.CaptureFixture[str], small: Path, shape: str
) -> None:
    for path, text in SMALL.items():
        (small / path).unlink()
        SHAPES[shape](small / path)
        lines = told(capsys, small)
        name = path.rpartition("/")[2]
        is_told = any(line.startswith(f"{path}:") for line in lines) or any(f"/{name}`" in line for line in lines)
        assert is_told or path in ANYTHING, (path, lines)
        shutil.rmtree(small / path) if shape == "a-folder" else (small / path).unlink()
        (small / path).write_text(text)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("UPPER", "UPPER", id="capitals"),
        pytest.param("two words", "two words", id="blanks"),
        pytest.param("x", "x", id="too-short"),
        pytest.param("x" * 101, "x" * 101, id="too-long"),
        pytest.param("tést", "tést", id="accents"),
        pytest.param("new\nline", "new\\nline", id="a-new-line"),
        pytest.param("\x1b[31m", "\\x1b[31m", id="what-a-terminal-obeys"),
        pytest.param("api.manifest.yaml", "api.manifest.yaml", id="the-name-of-a-file"),
    ],
)
def test_a_name_that_no_environment_can_have_is_told(
    capsys: pytest.CaptureFixture[str], small: Path, name: str, shown: str
) -> None:
    (small / "projects/shop" / name).mkdir()
    (small / "projects/shop" / name / "environment.yaml").write_text("{}\n")
    lines = [line for line in told(capsys, small) if "is not a valid environment id" in line]
    assert [line.partition(": ")[0] for line in lines] == [f"projects/shop/{shown}:1:1"]


def test_a_folder_that_holds_nothing_of_ours_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert told(capsys, tmp_path) == [
        "platform:1:1: there is no folder `platform`; add it, or name another in `lockstep.yaml`"
    ]
