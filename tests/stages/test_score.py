from __future__ import annotations

from textwrap import dedent

import pytest

from controller.manifest import score
from controller.manifest.score import Converted
from controller.model.document import Json, find, plain
from tests.manifest_factories import SCORE, Files, cases, complaints, link, node, tree

PATH = "shop/api.score.yaml"
HEAD = "apiVersion: score.dev/v1b1\nmetadata: {name: api}\n"


def convert(text: str, files: Files | None = None, overrides: str | None = None, **images: str) -> Converted:
    patch = node(overrides, "shop/dev/api.score-overrides.yaml") if overrides is not None else None
    return score.convert(tree(files or {}), PATH, node(text, PATH), patch, images)


def container(text: str, files: Files | None = None, **images: str) -> Json:
    """The converted container `main` of a file with these lines in it."""
    found = convert(with_container(text), files, **images)
    return plain(workload(found))["params"]["containers"]["main"]


def with_container(text: str) -> str:
    lines = dedent(text).rstrip().replace("\n", "\n    ")
    resources = "resources: {db: {type: postgres}, data: {type: volume}}"
    return f"{HEAD}containers:\n  main:\n    image: a\n    {lines}\n{resources}\n"


def workload(found: Converted) -> Json:
    node_ = find(found.entry, ["resources", "score-workload"])
    assert node_ is not None
    return node_


def refused(text: str, files: Files | None = None, overrides: str | None = None, **images: str) -> list[str]:
    return [line.removeprefix("shop/") for line in complaints(lambda: convert(text, files, overrides, **images))]


def test_the_example_of_the_reference_is_converted_as_there() -> None:
    text = """\
        apiVersion: score.dev/v1b1
        metadata: {name: test-sample}
        containers:
          one:
            image: alpine
            variables: {ONE: "${metadata.name}", TWO: "${resources.db.id}", THREE: "$${context.env_id}"}
            files: {/etc/test: {source: test.txt}}
        service: {ports: {web: {port: 8080}}}
        resources:
          db: {type: postgres}
          other: {type: thing, params: {id: "${resources.db.id}"}}
          specific: {type: postgres, id: common-db}
        """
    found = convert(text, {"shop/test.txt": "test ${metadata.name}"})
    assert (found.name, found.warnings, found.open_images) == ("test-sample", (), ())
    assert plain(found.entry) == {
        "resources": {
            "db": {"type": "postgres"},
            "other": {"type": "thing", "params": {"id": "${resources.db.outputs.id}"}},
            "specific": {"type": "postgres", "id": "shared.common-db"},
            "score-workload": {
                "type": "score-workload",
                "params": {
                    "metadata": {"name": "test-sample"},
                    "service": {"ports": {"web": {"port": 8080}}},
                    "containers": {
                        "one": {
                            "image": "alpine",
                            "files": {"/etc/test": {"content": "test test-sample"}},
                            "variables": {
                                "ONE": "test-sample",
                                "TWO": "${resources.db.outputs.id}",
                                "THREE": "${context.env_id}",
                            },
                        }
                    },
                },
            },
        }
    }


def test_text_that_score_does_not_expand_is_escaped() -> None:
    found = container(
        """\
        command: ["${SHELL}", "-c"]
        args: ["echo $HOME ${HOME} $${HOME}"]
        files: {/raw: {content: "${this is invalid}", noExpand: true}}
        livenessProbe: {exec: {command: ["${X}"]}}
        """
    )
    assert found == {
        "image": "a",
        "command": ["$\\{SHELL}", "-c"],
        "args": ["echo $HOME $\\{HOME} $$\\{HOME}"],
        "files": {"/raw": {"content": "$\\{this is invalid}", "noExpand": True}},
        "livenessProbe": {"exec": {"command": ["$\\{X}"]}},
    }


def test_a_volume_takes_the_source_of_a_bare_resource() -> None:
    assert container("volumes: {/d: {source: '${resources.data}', path: '', readOnly: false}}")["volumes"] == {
        "/d": {"source": "${resources.data.outputs.source}", "readOnly": False}
    }


def test_empty_parts_are_left_out_and_whole_numbers_made_whole() -> None:
    text = f"""\
{HEAD}service: {{ports: {{}}}}
containers:
  main:
    image: a
    args: []
    variables: {{args: ""}}
    files: {{}}
    resources: {{limits: {{}}}}
    readinessProbe: {{httpGet: {{port: 80.0, path: "", httpHeaders: []}}}}
resources: {{db: {{type: postgres, params: {{}}}}}}
"""
    found = convert(text)
    assert plain(workload(found))["params"] == {
        "metadata": {"name": "api"},
        "containers": {
            "main": {
                "image": "a",
                "variables": {"args": ""},
                "resources": {"limits": {}},
                "readinessProbe": {"httpGet": {"port": 80, "path": ""}},
            }
        },
        "service": {},
    }
    assert plain(found.entry)["resources"]["db"] == {"type": "postgres"}


def test_params_are_rewritten_at_any_depth_but_not_in_keys() -> None:
    params = "{'${metadata.name}': [{k: '${metadata.name}-${resources.a1.x}'}, 1, null]}"
    text = f"{SCORE}resources: {{a1: {{type: tt, params: {params}}}}}"
    assert plain(convert(text).entry)["resources"]["a1"]["params"] == {
        "${metadata.name}": [{"k": "api-${resources.a1.outputs.x}"}, 1, None]
    }


def test_annotations_choose_type_class_and_id_of_the_workload_s_resource() -> None:
    text = """\
        apiVersion: score.dev/v1b1
        metadata:
          name: api
          annotations:
            platform-orchestrator.dev/resType: batch-job
            platform-orchestrator.dev/resClass: ha
            platform-orchestrator.dev/resId: main
        containers: {main: {image: a}}
        """
    found = plain(workload(convert(text)))
    assert (found["type"], found["class"], found["id"]) == ("batch-job", "ha", "main")
    assert len(found["params"]["metadata"]["annotations"]) == 3


@pytest.mark.parametrize(
    ("annotation", "meant"),
    [
        ("platform-orchestrator.dev/restype", "platform-orchestrator.dev/resType"),
        ("platform-orchestrater.dev/resId", "platform-orchestrator.dev/resId"),
    ],
)
def test_an_annotation_of_ours_that_is_misspelt_is_not_taken_for_somebody_else_s(annotation: str, meant: str) -> None:
    text = SCORE.replace("name: api", f"name: api, annotations: {{{annotation}: job}}")
    assert refused(text) == [f"api.score.yaml:2:37: unknown key `{annotation}`; did you mean `{meant}`?"]


@pytest.mark.parametrize("annotation", ["acme.org/resType", "platform-orchestrator.dev/owner", "resId"])
def test_an_annotation_of_somebody_else_means_nothing_to_us(annotation: str) -> None:
    found = convert(SCORE.replace("name: api", f"name: api, annotations: {{{annotation}: a b}}"))
    assert plain(workload(found))["params"]["metadata"]["annotations"] == {annotation: "a b"}


def test_what_a_probe_executes_may_be_nothing_and_is_kept() -> None:
    """It arrived as `exec: {}`, which is no probe."""
    assert container("args: []\nlivenessProbe: {exec: {command: []}}") == {
        "image": "a",
        "livenessProbe": {"exec": {"command": []}},
    }


@pytest.mark.parametrize(
    ("text", "messages"),
    cases(
        {
            "no-map": (
                "blah",
                ["1:1: the document must be a map, not the text `blah`; write `key: value` lines below it"],
            ),
            "nothing": (
                "{}",
                [f"1:1: the key `{key}` is missing; add it" for key in ("apiVersion", "containers", "metadata")],
            ),
            "number-as-a-key": (
                f"{HEAD}containers: {{main: {{image: a, variables: {{1: b}}}}}}",
                ["3:43: the key `1` is a number, not a text; write it in quotes"],
            ),
            "doubled-key": (
                f"{HEAD}metadata: {{name: api}}",
                ["3:1: the key `metadata` was already given at line 2, column 1; keep one of the two"],
            ),
        }
    ),
)
def test_what_is_no_score_file_is_said_in_plain_words(text: str, messages: list[str]) -> None:
    assert refused(text) == [f"api.score.yaml:{message}" for message in messages]


def test_words_of_yaml_1_1_and_dates_are_texts() -> None:
    found = container("variables: {A: yes, B: 12:30, C: 2024-01-02, D: off}")
    assert found["variables"] == {"A": "yes", "B": "12:30", "C": "2024-01-02", "D": "off"}


def test_old_forms_are_upgraded_with_a_warning() -> None:
    found = convert(
        with_container(
            """\
            files:
              - {target: /a, content: [one, "${metadata.name}"]}
            volumes:
              - {target: /d, source: "${resources.data}", read_only: true}
            """
        )
    )
    main = plain(workload(found))["params"]["containers"]["main"]
    assert main["files"] == {"/a": {"content": "one\napi"}}
    assert main["volumes"] == {"/d": {"source": "${resources.data.outputs.source}", "readOnly": True}}
    assert found.warnings == (
        "shop/api.score.yaml:6:5: `files` as a list is deprecated; write a map from target to what is mounted there",
        "shop/api.score.yaml:7:22: `content` as a list of lines is deprecated; write one text after `|`",
        "shop/api.score.yaml:8:5: `volumes` as a list is deprecated; write a map from target to what is mounted there",
        "shop/api.score.yaml:9:51: `read_only` is deprecated; write `readOnly`",
    )


def test_an_item_that_cannot_be_upgraded_does_not_hide_what_else_is_wrong() -> None:
    """Of a file with an old list that lacked a target nothing else was told until that was mended."""
    text = f"""\
{HEAD}containers:
  a:
    image: x
    files: [{{content: y}}, 3]
    variables: {{A: "${{resources.db.host}}", B: 1}}
"""
    assert refused(text) == [
        "api.score.yaml:4:3: `a` is not a valid container name; use 2 to 63 lower-case letters, digits and `-`, "
        "beginning and ending with a letter or digit",
        "api.score.yaml:6:13: an item of `files` has no `target`; name its path as text",
        "api.score.yaml:6:27: an item of `files` must be a map; give it a `target`",
        "api.score.yaml:7:47: `B` must be a text, not the number `1`; write it in quotes",
    ]


def test_metadata_of_a_resource_is_dropped_with_a_warning() -> None:
    found = convert(SCORE + "resources: {db: {type: postgres, metadata: {a: b}}}")
    assert plain(found.entry)["resources"]["db"] == {"type": "postgres"}
    assert found.warnings == (
        "shop/api.score.yaml:5:34: `metadata` of resource `db` is not passed on; "
        "use `params` for what its module shall know",
    )


def test_an_open_image_is_the_container_s_else_the_workload_s() -> None:
    text = f"{HEAD}containers: {{main: {{image: .}}, side: {{image: .}}, other: {{image: a}}}}"
    found = convert(text, **{"api": "w:1", "api/side": "s:1"})
    containers = plain(workload(found))["params"]["containers"]
    assert [containers[name]["image"] for name in ("main", "side", "other")] == ["w:1", "s:1", "a"]
    assert found.open_images == ("api/main", "api/side")


def test_an_open_image_without_an_image_is_an_error() -> None:
    assert refused(SCORE.replace("nginx", "."), web="w:1") == [
        "api.score.yaml:4:17: container `main` of workload `api` leaves its image open with `.`; "
        "add `images: {api: IMAGE}` to environment.yaml"
    ]


def test_an_overrides_file_patches_the_score_file() -> None:
    overrides = """\
        metadata: {name: api}
        containers:
          main: {args: [x], variables: {A: null, B: "2"}, files: {/f: {source: f.txt}}}
        """
    text = with_container("variables: {A: '1', C: '3'}")
    found = convert(text, {"shop/f.txt": "beside the Score file"}, overrides)
    assert plain(workload(found))["params"]["containers"]["main"] == {
        "image": "a",
        "args": ["x"],
        "variables": {"C": "3", "B": "2"},
        "files": {"/f": {"content": "beside the Score file"}},
    }


@pytest.mark.parametrize(
    ("overrides", "messages"),
    cases(
        {
            "name": (
                "metadata: {name: web}",
                [
                    "dev/api.score-overrides.yaml:1:18: the overrides change the name of workload `api`; "
                    "remove `metadata.name`"
                ],
            ),
            "nothing-to-delete": (
                "containers: {main: {arg: null}}",
                [
                    "dev/api.score-overrides.yaml:1:21: `null` deletes `containers.main.arg`, "
                    "which the layer below does not have; remove the line"
                ],
            ),
            "schema": (
                "containers: {mian: {args: [1]}}",
                [
                    "dev/api.score-overrides.yaml:1:14: the key `image` is missing in `mian`; "
                    "add it, or did you mean `main`?",
                    "dev/api.score-overrides.yaml:1:28: item 1 of `args` must be a text, not the number `1`; "
                    "write it in quotes",
                ],
            ),
        }
    ),
)
def test_wrong_overrides_are_reported_in_their_own_file(overrides: str, messages: list[str]) -> None:
    assert refused(SCORE, overrides=overrides) == messages


@pytest.mark.parametrize(
    ("lines", "messages"),
    cases(
        {
            "every-place-of-a-placeholder": (
                """\
                variables: {A: "${HOME}"}
                files: {/a: {content: "${resources.db}"}}
                volumes: {/v: {source: "${resources.dat}"}}
                """,
                [
                    "6:20: placeholder `${HOME}` begins with neither `metadata` nor `resources`; "
                    "write `$${HOME}` if the text itself is meant",
                    "7:27: placeholder `${resources.db}` names a whole resource, "
                    "which only the source of a volume may; name one of its outputs, as in `${resources.db.host}`",
                    "8:28: placeholder `${resources.dat}` names the resource `dat`, which this file does not have; "
                    "did you mean `data`?",
                ],
            ),
            "before": (
                "before: {main: {ready: started}, sid: {ready: complete}}",
                [
                    "6:14: container `main` cannot start before itself; remove the entry",
                    "6:38: there is no container `sid` in this workload; remove the entry",
                ],
            ),
            "lists-that-cannot-be-upgraded": (
                """\
                files: [x, {content: a}, {target: /a, content: a}, {target: /a, content: b}]
                """,
                [
                    "6:13: an item of `files` must be a map; give it a `target`",
                    "6:16: an item of `files` has no `target`; name its path as text",
                    "6:65: `/a` is mounted twice in `files`; keep one of the two",
                ],
            ),
        }
    ),
)
def test_what_cannot_be_converted_is_said_with_its_place(lines: str, messages: list[str]) -> None:
    assert refused(with_container(lines)) == [f"api.score.yaml:{message}" for message in messages]


@pytest.mark.parametrize(
    ("resources", "message"),
    cases(
        {
            "taken-name": (
                "score-workload: {type: tt}",
                "5:13: the name `score-workload` is taken by the workload itself; give the resource another name",
            ),
            "long-id": (
                f"db: {{type: tt, id: {'a' * 57}}}",
                f"5:32: `{'a' * 57}` has 57 characters, and as `shared.…` too many; use at most 56",
            ),
            "params": (
                "db: {type: tt, params: {a: ['${metadata.x}']}}",
                "5:41: placeholder `${metadata.x}` looks for `x`, which `metadata` does not have; "
                "add it, or write `$${…}` if the text itself is meant",
            ),
        }
    ),
)
def test_a_resource_that_cannot_be_converted_is_said_with_its_place(resources: str, message: str) -> None:
    assert refused(f"{SCORE}resources: {{{resources}}}") == [f"api.score.yaml:{message}"]


def test_containers_that_wait_for_one_another_are_named() -> None:
    text = f"""\
{HEAD}containers:
  aa: {{image: a, before: {{bb: {{ready: started}}}}}}
  bb: {{image: a, before: {{cc: {{ready: complete}}}}}}
  cc: {{image: a, before: {{bb: {{ready: healthy}}}}}}
"""
    assert refused(text) == [
        "api.score.yaml:5:3: these containers wait for one another: bb → cc → bb; remove one `before`",
        "api.score.yaml:6:39: container `cc` is never known to be healthy: it has no probe; "
        "add a `readinessProbe`, or write `started` or `complete`",
    ]


def test_a_container_that_is_not_there_does_not_hide_a_circle() -> None:
    text = f"""\
{HEAD}containers:
  aa: {{image: a, before: {{bb: {{ready: started}}, ghost: {{ready: started}}}}}}
  bb: {{image: a, before: {{aa: {{ready: started}}}}}}
"""
    assert refused(text) == [
        "api.score.yaml:4:3: these containers wait for one another: aa → bb → aa; remove one `before`",
        "api.score.yaml:4:49: there is no container `ghost` in this workload; remove the entry",
    ]


def test_containers_in_a_diamond_are_fine() -> None:
    before = "before: {{{}}}".format
    text = f"""\
{HEAD}containers:
  aa: {{image: a, {before("bb: {ready: started}, cc: {ready: started}")}}}
  bb: {{image: a, {before("dd: {ready: started}")}}}
  cc: {{image: a, {before("dd: {ready: started}")}}}
  dd: {{image: a}}
"""
    assert convert(text).name == "api"


FILES: Files = {
    "shop/conf/app.txt": "a\n  ${metadata.name}\n",
    "shop/bad.txt": "ok\nsay ${HOME}\n",
    "shop/raw.bin": b"\xff\x00",
    "shop/decomposed.txt": "e\u0301",
    "shop/caf\u0065\u0301.txt": "named as some systems do",
    "shop/shell.bin": b"\xff${metadata.name}",
    "shop/here": link("here"),
    "shop/inside": link("conf/app.txt"),
    "shop/outside": link("../secret.txt"),
    "shop/nowhere": link("/etc/passwd"),
    "secret.txt": "s",
}


@pytest.mark.parametrize(
    ("file", "result"),
    cases(
        {
            "expanded": ("source: ./conf/app.txt, mode: '0644'", {"content": "a\n  api\n", "mode": "0644"}),
            "not-expanded": (
                "source: conf/app.txt, noExpand: true",
                {"content": "a\n  $\\{metadata.name}\n", "noExpand": True},
            ),
            "dots-inside": ("source: conf/../conf/app.txt", {"content": "a\n  api\n"}),
            "link-inside": ("source: inside", {"content": "a\n  api\n"}),
            "binary": ("source: raw.bin", {"binaryContent": "/wA="}),
            "binary-is-not-expanded": ("source: shell.bin", {"binaryContent": "/yR7bWV0YWRhdGEubmFtZX0="}),
            "binary-that-is-no-base64": ("binaryContent: '***'", {"binaryContent": "***"}),
            "mode-is-kept": ("source: conf/app.txt, mode: '666'", {"content": "a\n  api\n", "mode": "666"}),
            "another-spelling-of-the-name": (
                "source: caf\u00e9.txt",
                {"content": "named as some systems do"},
            ),
            "text-that-the-engine-would-change": ("source: decomposed.txt", {"binaryContent": "ZcyB"}),
            "given-binary": ("binaryContent: JHttZXRhZGF0YS5uYW1lfQ==", {"binaryContent": "JHttZXRhZGF0YS5uYW1lfQ=="}),
        }
    ),
)
def test_a_mounted_file_is_embedded(file: str, result: Json) -> None:
    assert container(f"files: {{/x: {{{file}}}}}", FILES)["files"] == {"/x": result}


@pytest.mark.parametrize(
    ("source", "message"),
    cases(
        {
            "above": (
                "../secret.txt",
                "`../secret.txt` leads out of the folder of the Score file; "
                "keep the file beside the Score file or below it",
            ),
            "out-and-in": (
                "conf/../../shop/raw.bin",
                "`conf/../../shop/raw.bin` leads out of the folder of the Score file; "
                "keep the file beside the Score file or below it",
            ),
            "link-out": (
                "outside",
                "`outside` leads out of the folder of the Score file; keep the file beside the Score file or below it",
            ),
            "link-to-the-host": (
                "nowhere",
                "`nowhere` is a symbolic link that leads to no file of this repository; put the file in its place",
            ),
            "absolute": (
                "/etc/passwd",
                "`/etc/passwd` is an absolute path; write it relative to the Score file, without `/`",
            ),
            "missing": ("conf/ap.txt", "there is no file `conf/ap.txt` beside the Score file; did you mean `app.txt`?"),
            "folder": ("conf", "`conf` is a folder; name a file in it"),
            "the-folder-itself": (".", "`.` is a folder; name a file in it"),
            "link-in-a-circle": (
                "here",
                "`here` is a symbolic link that leads to no file of this repository; put the file in its place",
            ),
        }
    ),
)
def test_a_mounted_file_comes_from_below_the_score_file_alone(source: str, message: str) -> None:
    assert refused(with_container(f"files: {{/x: {{source: {source}}}}}"), FILES) == [f"api.score.yaml:6:26: {message}"]


def test_a_mistake_in_a_mounted_file_is_reported_where_it_stands() -> None:
    assert refused(with_container("files: {/x: {source: bad.txt}}"), FILES) == [
        "bad.txt:2:5: placeholder `${HOME}` begins with neither `metadata` nor `resources`; "
        "write `$${HOME}` if the text itself is meant"
    ]


def test_conversion_keeps_the_place_of_every_leaf() -> None:
    found = convert(with_container("files: {/x: {source: conf/app.txt}}\nvariables: {A: b}"), FILES)
    place = lambda *path: str(find(workload(found), ["params", *path]).place)  # type: ignore[union-attr]  # noqa: E731
    assert place("containers", "main", "files", "/x", "content") == "shop/conf/app.txt:1:1"
    assert place("containers", "main", "variables", "A") == "shop/api.score.yaml:7:20"
    assert place("metadata", "name") == "shop/api.score.yaml:2:18"
