"""A typo in any key that a schema or the catalogue knows names its file, line and column, and what was meant.

Every key of every YAML file of the sample repository is spoilt, and the repository examined as `lockstep validate`
does. A key that is a name is told at itself or where it is referred to: there the name as it was still stands, so the
other one is suggested.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from itertools import zip_longest

import pytest

from cli import validate
from controller.errors import Place, Problem
from controller.manifest import reading
from controller.model.document import Node
from controller.model.tree import MemoryTree, walk
from tests.sample_factories import sample

# File, path of the key, and why nobody can know how it ought to be spelled.
FREE = (
    ("projects/*/config/*", "*", "the application's own file, which Score mounts"),
    ("projects/*/config/*", "* *", "the same"),
    ("*.score*.yaml", "metadata annotations *", "annotations of other tools"),
    ("*.score*.yaml", "containers * variables *", "what the program reads"),
    ("*.score*.yaml", "containers * files *", "where the program looks"),
    ("*.score*.yaml", "containers * volumes *", "where the program looks"),
    ("*.score.yaml", "service ports *", "a name for readers"),
    ("*.manifest.yaml", "workloads * outputs *", "what people ask for afterwards"),
    ("platform/runners/*", "runner_configuration env *", "what modules and providers read"),
    # Names that nothing in this repository refers to; the next test but one has the others.
    ("*/collector.score.yaml", "containers metrics", "a container that no overrides patch and no image is for"),
    ("*/storefront.score.yaml", "containers main", "the same: its image goes by the workload's name"),
    ("*/warehouse.manifest.yaml", "workloads notebooks", "a workload that no other file adds to"),
    ("*/mailbox.manifest.yaml", "workloads mailbox", "the same"),
    ("*/warehouse.manifest.yaml", "workloads notebooks resources warehouse", "an alias that no placeholder names"),
    ("*/foundation.yaml", "output_schema properties schedule", "an output that no placeholder asks for"),
    ("*/foundation.yaml", "output_schema properties url", "the same"),
    ("*/queue.yaml", "output_schema properties name", "the same"),
    ("*/score-workload.yaml", "output_schema properties compose_file", "the same"),
)
# Names: told at the key where that one refers to another, else where others refer to it.
NAMES = (
    ("platform/modules/*", "dependencies *", "placeholders of the module"),
    ("platform/resource-types/*", "output_schema properties *", "placeholders that ask for the output"),
    ("*.score*.yaml", "containers *", "overrides, and images of an environment"),
    ("*.score*.yaml", "resources *", "placeholders of the Score file and of outputs"),
    ("*.manifest.yaml", "shared *", "placeholders, and other files that say more of it"),
    ("*.manifest.yaml", "workloads *", "other files that say more of it"),
    ("*.manifest.yaml", "workloads * resources *", "placeholders, and other files that say more of it"),
    ("*/manifest.yaml", "shared *", "the same"),
    ("*/manifest.yaml", "workloads *", "the same"),
    ("*/manifest.yaml", "workloads * resources *", "the same"),
)


@dataclass(frozen=True)
class Key:
    path: tuple[str | int, ...]
    place: Place

    @property
    def name(self) -> str:
        return str(self.path[-1])

    def fits(self, patterns: Collection[tuple[str, str, str]]) -> bool:
        return any(fnmatchcase(self.place.path, file) and self._is_at(path) for file, path, _ in patterns)

    def _is_at(self, pattern: str) -> bool:
        steps = pattern.split()
        return len(steps) == len(self.path) and all(
            fnmatchcase(str(step), one) for step, one in zip(self.path, steps, strict=True)
        )


def _swapped(name: str) -> str:
    """Two letters in the wrong order, as near to the middle as they differ."""
    spots = (i for i in range(len(name) - 1) if name[i] != name[i + 1] and name[i : i + 2].isalpha())
    at = min(spots, key=lambda i: abs(i - len(name) // 2))
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def _mistaken(name: str) -> str:
    """Another letter in place of the last one of the first half."""
    at = max(i for i in range(len(name) // 2 + 1) if name[i].isalpha())
    other = "q" if name[at].lower() == "z" else "z"
    return name[:at] + (other.upper() if name[at].isupper() else other) + name[at + 1 :]


def _shortened(name: str) -> str:
    """A letter left out; of a short name, the last one doubled."""
    at = max(i for i in range(len(name) // 2 + 1) if name[i].isalpha())
    return name[:at] + name[at + 1 :] if len(name) > 2 else name + name[-1]


TYPOS: Sequence[Callable[[str], str]] = (_swapped, _mistaken, _shortened)


@cache
def files() -> Mapping[str, bytes]:
    tree = sample()
    return {path: tree.read(path) for path, _ in walk(tree)}


@cache
def keys() -> tuple[Key, ...]:
    """Every key of every YAML file, in order."""
    yaml = sorted(path for path in files() if path.endswith(".yaml"))
    return tuple(key for path in yaml for node in reading.read(path, files()[path]) for key in _keys(node, ()))


def _keys(node: Node, path: tuple[str | int, ...]) -> Iterator[Key]:
    for name, entry in node.entries.items():
        assert entry.key is not None
        yield Key((*path, name), entry.key)
        yield from _keys(entry, (*path, name))
    for index, item in enumerate(node.items):
        yield from _keys(item, (*path, index))


def told(spoilt: Collection[Key], typo: Callable[[str], str]) -> Sequence[Problem]:
    """What `lockstep validate` says of the sample with a typo in each of these keys."""
    changed = dict(files())
    for key in sorted(spoilt, key=lambda key: key.place, reverse=True):  # from the end: places stay where they are
        changed[key.place.path] = _with(changed[key.place.path], key, typo(key.name))
    return validate.examined(MemoryTree.of(changed))[0]


def _with(content: bytes, key: Key, name: str) -> bytes:
    lines = content.decode().split("\n")
    line, at = lines[key.place.line - 1], key.place.column - 1
    assert line[at:].startswith(key.name)
    lines[key.place.line - 1] = line[:at] + name + line[at + len(key.name) :]
    return "\n".join(lines).encode()


def missed(spoilt: Collection[Key], typo: Callable[[str], str]) -> list[Key]:
    """Those of the keys that nobody would find by what is told, spoilt all at once."""
    problems = told(spoilt, typo)
    return [key for key in spoilt if not any(_finds(problem, key, typo(key.name)) for problem in problems)]


def _finds(problem: Problem, key: Key, typo: str) -> bool:
    if problem.where == key.place:
        return f"did you mean `{key.name}`?" in problem.remedy
    return key.fits(NAMES) and _refers(problem, key.name) and f"{typo}`?" in problem.remedy


def _refers(problem: Problem, name: str) -> bool:
    """Whether the name as it should be stands in the line that a problem is about."""
    where = problem.where
    return isinstance(where, Place) and name in files()[where.path].decode().split("\n")[where.line - 1]


def rounds(spoilt: Sequence[Key]) -> Iterator[list[Key]]:
    """One key of every file at a time."""
    by_file: dict[str, list[Key]] = {}
    for key in spoilt:
        by_file.setdefault(key.place.path, []).append(key)
    for turn in zip_longest(*by_file.values()):
        yield [key for key in turn if key is not None]


@pytest.mark.parametrize("turn", range(3), ids=["swapped", "mistaken", "shortened"])
def test_a_typo_in_a_key_is_told_with_its_place_and_what_was_meant(turn: int) -> None:
    """Every third key. All files have a typo at the same time; one that another file's mistake hides is tried alone."""
    typo = TYPOS[turn]
    known = [key for key in keys() if not key.fits(FREE)][turn::3]
    together = [key for each in rounds(known) for key in missed(each, typo)]
    assert len(together) < len(known) / 10
    assert [key for key in together if missed([key], typo)] == []


def test_a_typo_in_a_key_that_is_free_is_a_name_like_any_other() -> None:
    free = [key for key in keys() if key.fits(FREE)]
    assert told(free, _swapped) == ()


@pytest.mark.parametrize("pattern", [*FREE, *NAMES], ids=lambda pattern: f"{pattern[0]}: {pattern[1]}")
def test_the_tables_of_keys_speak_of_keys_that_there_are(pattern: tuple[str, str, str]) -> None:
    assert any(key.fits([pattern]) for key in keys())


SHOP, PLATFORM = "projects/shop", "platform"


# File; what stands there; the same with a typo, a `|` at the place that is told; what was meant.
@pytest.mark.parametrize(
    ("path", "right", "wrong", "meant"),
    [
        # Resource types, classes, types of environments, providers, params, outputs.
        (f"{SHOP}/shared.manifest.yaml", "type: queue", "type: |qeueu", "queue"),
        (f"{SHOP}/storefront.score.yaml", "type: bucket", "type: |bukcet", "bucket"),
        (f"{SHOP}/storefront.score.yaml", "class: public", "class: |pubilc", "public"),
        (f"{PLATFORM}/modules/dns/module.yaml", "resource_type: dns", "resource_type: |dsn", "dns"),
        (f"{PLATFORM}/modules/dns/module.yaml", "type: gateway", "type: |gatewya", "gateway"),
        (f"{PLATFORM}/modules/postgres-server/module.yaml", "type: backup", "type: |bakcup", "backup"),
        (f"{PLATFORM}/modules/postgres-server-ha.yaml", "_type_id: production", "_type_id: |prodution", "production"),
        (f"{PLATFORM}/modules/queue-partitioned.yaml", "./queue\n", "|./qeueu\n", "./queue"),
        (f"{PLATFORM}/modules/queue-partitioned.yaml", "[./common]", "[|./comon]", "./common"),
        (f"{PLATFORM}/modules/dashboard.yaml", "${select.dependencies", "|${select.dependnecies", "dependencies"),
        (
            f"{PLATFORM}/modules/dashboard.yaml",
            "${select.dependencies('sc",
            "|${select.dependencies('cs",
            "score-workload",
        ),
        (f"{PLATFORM}/modules/dns/module.yaml", "${context.env_id}", "|${context.evn_id}", "env_id"),
        (f"{PLATFORM}/modules/dns/module.yaml", "${resources.gateway.", "|${resources.gatewya.", "gateway"),
        (
            f"{PLATFORM}/modules/dns/module.yaml",
            "${resources.gateway.outputs.a",
            "|${resources.gateway.outputs.",
            "address",
        ),
        (f"{PLATFORM}/modules/score-workload/module.yaml", "${self.outputs.name}", "|${self.outputs.nmae}", "name"),
        (f"{PLATFORM}/modules/volume/module.yaml", "type: number", "type: |nubmer", "number"),
        (f"{PLATFORM}/resource-types/queue.yaml", "type: object", "type: |obejct", "object"),
        (f"{PLATFORM}/runners/local.yaml", "  type: local\n  env", "  type: |loacl\n  env", "local"),
        (f"{PLATFORM}/runners/local.yaml", "- {} #", "- {env_type_id: |stagign} #", "staging"),
        # Aliases, workloads, environments, files.
        (f"{SHOP}/outputs.manifest.yaml", "URL: ${resources.route.", "URL: |${resources.rotue.", "route"),
        (f"{SHOP}/outputs.manifest.yaml", "${resources.route.outputs.url}", "|${resources.route.outputs.ulr}", "url"),
        (f"{SHOP}/outputs.manifest.yaml", "${shared.events.", "|${shared.evnets.", "events"),
        (f"{SHOP}/orders.score.yaml", "${resources.db.host}", "|${resources.bd.host}", "db"),
        (f"{SHOP}/orders.score.yaml", "${resources.db.host}", "|${resources.db.hots}", "host"),
        (f"{SHOP}/orders.score.yaml", "${metadata.name}", "|${metadata.nmae}", "name"),
        (f"{SHOP}/orders.score.yaml", "${metadata.name}", "|${metdaata.name}", "metadata"),
        (f"{SHOP}/config/storefront.conf", "${resources.site.", "|${resources.siet.", "site"),
        (f"{SHOP}/storefront.score.yaml", "config/storefront.conf", "|config/storefornt.conf", "storefront.conf"),
        (f"{SHOP}/development/orders.score-overrides.yaml", "name: orders", "name: |ordres", "orders"),
        (f"{SHOP}/production/environment.yaml", "environment://staging", "|environment://stagign", "staging"),
        (f"{SHOP}/production/environment.yaml", "[dns]", "[|dsn]", "dns"),
        (f"{SHOP}/production/environment.yaml", "protected:", "after: [|stagign]\nprotected:", "staging"),
        (f"{SHOP}/production/environment.yaml", "protected:", "type: |prodution\nprotected:", "production"),
        (f"{SHOP}/production/environment.yaml", "protected:", "approval: |destory\nprotected:", "destroy"),
        ("projects/insights/project.yaml", "type: production", "type: |prodcution", "production"),
        ("lockstep.yaml", "platform: platform", "platform: |platfrom", "platform"),
    ],
)
def test_a_typo_in_a_name_that_something_else_knows_is_told_at_the_name(
    path: str, right: str, wrong: str, meant: str
) -> None:
    told = examined_with(path, right, wrong)
    assert [problem for problem in told if problem.remedy.endswith(f"did you mean `{meant}`?")], told


def test_a_typo_in_the_name_of_a_provider_is_told_at_the_name() -> None:
    provider = "provider_type: aws\nid: main\nsource: hashicorp/aws\n"
    told = examined_with(
        f"{PLATFORM}/modules/dns/module.yaml",
        "rules:",
        "provider_mapping: {aws: |aws.mian}\nrules:",
        {f"{PLATFORM}/providers/aws.yaml": provider.encode()},
    )
    assert [f"{problem.what}; {problem.remedy}" for problem in told] == [
        "module `dns` maps `aws` to provider `aws.mian`, which does not exist; did you mean `aws.main`?"
    ]


def examined_with(path: str, right: str, wrong: str, more: Mapping[str, bytes] | None = None) -> list[Problem]:
    """What is told of the place that `|` marks, where `wrong` stands instead of `right`."""
    before, _, after = files()[path].decode().partition(right)
    lines = (before + wrong.partition("|")[0]).split("\n")
    changed = MemoryTree.of({**files(), **(more or {}), path: before + wrong.replace("|", "", 1) + after})
    place = Place(path, len(lines), len(lines[-1]) + 1)
    return [problem for problem in validate.examined(changed)[0] if problem.where == place]
