"""How long from a manifest that was read to the text that the engine reads, and how does that grow with its nodes?

Run with a number of nodes as its argument, it measures itself once, in a process that does nothing else.
"""

from __future__ import annotations

import gc
import json
import math
import re
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import cli
from controller import pipeline
from controller.manifest import reading
from controller.model.bundle import Pins
from controller.model.deployment import EngineKind
from controller.model.document import Node
from controller.model.tree import MemoryTree
from controller.tofu.bind import bind, offline
from tests.bench import measure
from tests.bench.measure import Figure
from tests.graph_factories import ENVIRONMENT_TYPES, module, platform

NODES, FEWER = 10_000, 2_500
SECONDS, MEBIBYTES, EXPONENT = 2.0, 500, 1.1
_WORKLOADS = 100
_ROOT = Path(__file__).parents[2]


def figures(repetitions: int) -> Iterator[Figure]:
    """Each size in a process of its own, as a command or a decision would do it."""
    measure.say("graphs ")
    runs: dict[int, list[Mapping[str, float]]] = {FEWER: [], NODES: []}
    found = measure.in_turns(
        repetitions, {"fewer": lambda: _in_a_process(FEWER, runs), "many": lambda: _in_a_process(NODES, runs)}
    )
    # Of the fastest of each: what slows a machine for a moment slows one size alone.
    fewer, many = (min(run["seconds"] for run in runs[nodes]) for nodes in (FEWER, NODES))
    exponent = math.log(many / fewer) / math.log(NODES / FEWER)
    name = f"{NODES:,} nodes, from parsed manifest to main.tf.json"
    yield Figure(name, measure.shown(found["many"]), "", None, f"< {SECONDS} s", found["many"] < SECONDS)
    peak = max(run["mebibytes"] for run in runs[NODES])
    yield Figure("  memory of the whole process", f"{peak:.0f} MiB", "", None, f"< {MEBIBYTES} MiB", peak < MEBIBYTES)
    less = f"{FEWER:,} nodes {measure.shown(fewer)}"
    yield Figure("  growth exponent", f"{exponent:.2f}", less, None, f"≤ {EXPONENT}", exponent <= EXPONENT)


def repository() -> pipeline.Repository:
    """A platform of three types: each database needs a network, and a backup comes along with it."""
    files = platform(
        module(
            "postgres",
            module_params="{size: {type: number}, name: {type: string, is_optional: true}}",
            module_inputs='{env: "${context.env_id}-${context.res_id}", net: "${resources.net.outputs.id}"}',
            dependencies="{net: {type: network}}",
            coprovisioned='[{type: backup, params: {host: "${self.outputs.host}"}, is_dependent_on_current: true, '
            "copy_dependents_from_current: true}]",
            provider_mapping="{aws: aws.main}",
        ),
        module("network"),
        module("backup", module_params="{host: {type: string}}"),
        types="id: postgres\noutput_schema: {type: object, properties: {host: {type: string}}}\n",
        providers="provider_type: aws\nid: main\nsource: hashicorp/aws\nversion_constraint: ~> 6\n"
        'configuration: {region: "${var.REGION}", vpc: "${resources.net.outputs.id}"}\n',
    )
    named = {f"platform/{path}": text for path, text in {"environment-types.yaml": ENVIRONMENT_TYPES, **files}.items()}
    read = pipeline.read(MemoryTree.of({**named, "projects/shop/development/environment.yaml": "{}\n"}))
    assert not read.catalog.problems, read.catalog.problems
    return read


def manifest(nodes: int) -> Node:
    """A manifest whose graph has that many nodes; every database but the first of a workload names the one before."""
    databases = (nodes // _WORKLOADS - 1) // 3
    lines = ["workloads:"]
    for workload in range(_WORKLOADS):
        lines += [f"  w{workload}:", "    resources:"]
        for number in range(databases):
            before = f"db{max(number - 1, 0)}"
            name = f', name: "after-${{resources.{before}.outputs.host}}"' if number else ""
            lines.append(f"      db{number}: {{type: postgres, params: {{size: 5{name}}}}}")
        lines.append('    outputs: {URL: "pg://${resources.db1.outputs.host}"}')
    return reading.read_one("large.manifest.yaml", "\n".join(lines).encode())


def once(nodes: int) -> dict[str, float]:
    """Seconds on a processor, and the most memory that this process has had."""
    read, document = repository(), manifest(nodes)
    found: list[pipeline.Resolved] = []

    def way() -> None:
        pins, engine = Pins(), EngineKind.TERRAFORM
        found.append(pipeline.resolve_manifest(read, "shop", "development", document, pins=pins, engine=engine))
        bind(found[0].desired.document, offline(engine), (), found[0].module_files)

    took = measure.computing(way)
    assert len(found[0].graph.nodes) == nodes, len(found[0].graph.nodes)
    return {"seconds": took, "mebibytes": _most_memory() / 1024}


def _most_memory() -> int:
    """In KiB; what `getrusage` says may be that of the process that started this one."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _in_a_process(nodes: int, runs: Mapping[int, list[Mapping[str, float]]]) -> float:
    command = (sys.executable, "-m", "tests.bench.graph", str(nodes))
    done = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    runs[nodes].append(found)
    return float(found["seconds"])


if __name__ == "__main__":
    gc.set_threshold(cli.YOUNG)
    sys.stdout.write(json.dumps(once(int(sys.argv[1]))))
