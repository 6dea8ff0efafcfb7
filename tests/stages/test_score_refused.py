"""What the specification allows and we refuse: docs/score.md lists it, and each of its lines has a test here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from controller.errors import ManifestError
from controller.manifest import reading
from controller.model.document import Json, plain
from tests import score_factories
from tests.manifest_factories import Files
from tests.score_factories import CORPUS, PATH

PAGE = Path(__file__).parents[2] / "docs" / "score.md"
HERE = "projects/shop/dev"


def score(*, metadata: str = "", main: str = "", containers: str = "", resources: str = "") -> str:
    """A Score file with these entries in its flow maps."""
    return (
        "apiVersion: score.dev/v1b1\n"
        f"metadata: {{name: api{', ' if metadata else ''}{metadata}}}\n"
        f"containers: {{main: {{image: a{', ' if main else ''}{main}}}{', ' if containers else ''}{containers}}}\n"
        f"resources: {{{resources}}}\n"
    )


DB = "db: {type: postgres}"
REFUSED: dict[str, tuple[str, list[str]]] = {
    "`${resources.db}` elsewhere than as the `source` of a volume": (
        score(main='variables: {A: "${resources.db}"}', resources=DB),
        [
            "3:46: placeholder `${resources.db}` names a whole resource, which only the source of a volume may; "
            "name one of its outputs, as in `${resources.db.host}`"
        ],
    ),
    "an output that no module can have: `${resources.db.0}`, `${resources.db.a\\.b}`": (
        score(main='variables: {A: "${resources.db.0}", B: "${resources.db.a\\\\.b}"}', resources=DB),
        [
            "3:46: placeholder `${resources.db.0}` asks for an output `0`, which no module can have; "
            "an output's name begins with a letter or `_`",
            "3:70: placeholder `${resources.db.a\\.b}` asks for an output `a.b`; "
            "an output's name has letters, digits, `_` and `-` only",
        ],
    ),
    "a `$` directly before a placeholder: `$$${resources.db.port}`": (
        score(main='variables: {A: "$$${resources.db.port}"}', resources=DB),
        [
            "3:46: a `$` stands directly before the placeholder `${resources.db.outputs.port}`, "
            "which a manifest cannot say; put something between them"
        ],
    ),
    "`$${context.…}`, `$${shared.…}` or `$${select.…}` that means nothing in a manifest": (
        score(main='variables: {A: "$${context.env}", B: "$${shared.dns.outputs.host}"}'),
        [
            "3:46: `env` in `${context.env}` is not a key of `context`; did you mean `env_id`?",
            "3:68: `${shared.dns.outputs.host}`: there is no shared resource `dns`; "
            "declare it under `shared` of the manifest",
        ],
    ),
    "a placeholder that names nothing: `${HOME}`, `${metadata.nmae}`, `${resources.dbb.host}`": (
        score(main='variables: {A: "${HOME}", B: "${metadata.nmae}", C: "${resources.dbb.host}"}', resources=DB),
        [
            "3:46: placeholder `${HOME}` begins with neither `metadata` nor `resources`; "
            "write `$${HOME}` if the text itself is meant",
            "3:60: placeholder `${metadata.nmae}` looks for `nmae`, which `metadata` does not have; "
            "did you mean `name`?",
            "3:83: placeholder `${resources.dbb.host}` names the resource `dbb`, which this file does not have; "
            "did you mean `db`?",
        ],
    ),
    "resources that wait for one another": (
        score(
            resources='db: {type: postgres, params: {a: "${resources.dc.x}"}}, '
            'dc: {type: redis, params: {a: "${resources.db.x}"}}'
        ),
        [
            "4:46: resources wait for one another: `postgres.default#workloads.api.db` → "
            "`redis.default#workloads.api.dc` → `postgres.default#workloads.api.db` "
            "(for `postgres.default#workloads.api.db`, resource `db` of workload `api` "
            f"at {PATH}:4:13); take one of these away: the placeholder at {PATH}:4:46, "
            f"the placeholder at {PATH}:4:99"
        ],
    ),
    "a resource named `score-workload`": (
        score(resources="score-workload: {type: postgres}"),
        ["4:13: the name `score-workload` is taken by the workload itself; give the resource another name"],
    ),
    "a resource of type `workload`": (
        score(resources="db: {type: workload}"),
        ["4:24: the resource type `workload` is reserved; use another type"],
    ),
    "an `id` of more than 56 characters": (
        score(resources=f"db: {{type: postgres, id: {'a' * 57}}}"),
        [f"4:38: `{'a' * 57}` has 57 characters, and as `shared.…` too many; use at most 56"],
    ),
    "one `id` with different `params`": (
        score(
            resources="db: {type: postgres, id: main, params: {a: 1}}, dc: {type: postgres, id: main, params: {a: 2}}"
        ),
        [
            "4:100: resource `dc` of workload `api` gives `postgres.default#shared.main` other params than resource "
            f"`db` of workload `api` at {PATH}:4:52; give both the same params, leave one of them out, "
            "or give one of the resources another id"
        ],
    ),
    "a param whose name is no variable of a module: `a.b`, `_x`": (
        score(resources="db: {type: postgres, params: {a.b: 1}}"),
        [
            "4:43: module `module-0` has no param `a.b` (for `postgres.default#workloads.api.db`, "
            f"resource `db` of workload `api` at {PATH}:4:13); it takes none"
        ],
    ),
    "more than 20 `params` of a resource, or more than 99 resources": (
        score(resources=f"db: {{type: postgres, params: {{{', '.join(f'p{n}: 1' for n in range(21))}}}}}"),
        ["4:42: `params` has 21 entries; keep at most 20"],
    ),
    "`resType`, `resClass` or `resId` of `platform-orchestrator.dev` that name nothing": (
        score(metadata="annotations: {platform-orchestrator.dev/resType: a b}"),
        [
            "2:72: `a b` is not a valid resource type; "
            "use 2 to 63 letters, digits and `-`, beginning and ending with a letter or digit"
        ],
    ),
    "`annotations` misspelt, or one of those three": (
        score(
            metadata="anotations: {}",
            resources="db: {type: postgres, metadata: {annotation: {}}}",
        ),
        [
            "2:23: unknown key `anotations`; did you mean `annotations`?",
            "4:45: unknown key `annotation`; did you mean `annotations`?",
        ],
    ),
    "`image: .` without an image in `environment.yaml`": (
        score().replace("image: a", "image: ."),
        [
            "3:28: container `main` of workload `api` leaves its image open with `.`; "
            "add `images: {api: IMAGE}` to projects/shop/dev/environment.yaml"
        ],
    ),
    "a `source` that leads out of the folder of the Score file": (
        score(main="files: {/a: {source: ../secret.txt}, /b: {source: /etc/passwd}}"),
        [
            "3:52: `../secret.txt` leads out of the folder of the Score file; "
            "keep the file beside the Score file or below it",
            "3:81: `/etc/passwd` is an absolute path; write it relative to the Score file, without `/`",
        ],
    ),
    "a `source` that is not in the commit, or is larger than 1 MiB": (
        score(main="files: {/a: {source: large.txt}, /b: {source: larg.txt}}"),
        [
            "3:52: `large.txt` is larger than 1 MiB; mount a volume instead",
            "3:77: there is no file `larg.txt` beside the Score file; did you mean `large.txt`?",
        ],
    ),
    "a list of `files` or `volumes` with an item without `target`, or two with the same": (
        score(main="files: [{content: a}, {target: /a, content: a}, {target: /a, content: b}]"),
        [
            "3:39: an item of `files` has no `target`; name its path as text",
            "3:88: `/a` is mounted twice in `files`; keep one of the two",
        ],
    ),
    "`before` that names no other container, or goes in a circle": (
        score(main="before: {sid: {ready: started}, main: {ready: started}}", containers="side: {image: b}"),
        [
            "3:40: there is no container `sid` in this workload; did you mean `side`?",
            "3:63: container `main` cannot start before itself; remove the entry",
        ],
    ),
    "`ready: healthy` of a container without a probe": (
        score(main="before: {side: {ready: healthy}}", containers="side: {image: b}"),
        [
            "3:54: container `main` is never known to be healthy: it has no probe; "
            "add a `readinessProbe`, or write `started` or `complete`"
        ],
    ),
    "a second document in the file": (
        score() + "---\na: b\n",
        ["6:1: a second document begins here; give it a file of its own"],
    ),
    "the character NUL, and numbers that JSON does not have": (
        score(main='variables: {A: "\\0"}', metadata="x: .inf"),
        [
            "2:26: `.inf` is a number that JSON does not have; write it in quotes, or leave it out",
            "3:46: the text holds the character NUL; remove `\\0`; no resource can take it",
        ],
    ),
    "a file of more than 1 MiB, or more than 100 levels deep": (
        score(metadata=f"x: {'[' * 101}{']' * 101}"),
        ["2:124: values are nested more than 100 deep; make it flatter"],
    ),
    "the `metadata.name` of another Score file of the environment": (
        score(),
        [f"2:18: workload `api` is in {HERE}/again.score.yaml already; give one of the two another name"],
    ),
}
EXTRA: dict[str, Files] = {
    "a `source` that is not in the commit, or is larger than 1 MiB": {f"{HERE}/large.txt": "x" * (1024 * 1024 + 1)},
    "the `metadata.name` of another Score file of the environment": {f"{HERE}/again.score.yaml": score()},
}


def document_of(text: str) -> Json | None:
    """What the file says; nothing where it cannot be read."""
    try:
        return plain(reading.read_one("score.yaml", text.encode()))
    except ManifestError:
        return None


@pytest.mark.parametrize("form", REFUSED)
def test_a_form_that_we_refuse_is_refused_with_its_place_and_a_remedy(form: str) -> None:
    text, messages = REFUSED[form]
    document = document_of(text) or document_of(score())
    files = {PATH: text, f"{HERE}/environment.yaml": "", **score_factories.platform(document), **EXTRA.get(form, {})}
    assert score_factories.complaints(files) == messages


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the real Score files are not beside this checkout")
def test_the_specification_allows_what_we_list() -> None:
    oracle = jsonschema.Draft202012Validator(json.loads((CORPUS / "score-v1b1.json").read_text()))
    documents = [document_of(text) for text, _ in REFUSED.values()]
    assert [error.message for document in documents if document for error in oracle.iter_errors(document)] == []


def test_the_page_lists_what_we_refuse_and_nothing_else() -> None:
    section = PAGE.read_text().partition("## Valid forms that are refused")[2].partition("\n## ")[0]
    assert re.findall(r"^\| (.+?) \| .+ \|$", section, re.MULTILINE)[1:] == list(REFUSED)
