"""How long is the way of a large environment from its parsed manifest to the engine's text, and how does it grow?"""

from __future__ import annotations

import gc
import math
import subprocess
import sys
import time
from collections.abc import Iterator

from controller import pipeline
from controller.manifest import reading
from controller.model.bundle import Pins
from controller.model.deployment import EngineKind
from controller.model.document import Node
from controller.model.tree import MemoryTree, walk
from controller.tofu.bind import bind, offline
from tests.bench import measure
from tests.bench.measure import Figure
from tests.sample_factories import sample

NODES, FEWER = 10_000, 2_500
SECONDS, MEBIBYTES, EXPONENT = 2.0, 500, 1.1
_WORKLOADS = 100  # as many as a manifest may have


def figures(repetitions: int) -> Iterator[Figure]:
    """Seconds, growth and memory; there is nothing that a person would do instead."""
    way = _Way()
    found = measure.in_turns(repetitions, {"many": lambda: way.taken(NODES), "fewer": lambda: way.taken(FEWER)})
    exponent = math.log(found["many"] / found["fewer"]) / math.log(NODES / FEWER)
    name = f"{NODES:,} nodes, from parsed manifest to text"
    yield Figure(name, measure.shown(found["many"]), "", None, f"≤ {SECONDS:.0f} s", found["many"] <= SECONDS)
    yield Figure("  growth exponent", f"{exponent:.2f}", "", None, f"≤ {EXPONENT}", exponent <= EXPONENT)
    peak = _peak()
    yield Figure("  peak memory of the process", f"{peak:.0f} MiB", "", None, f"≤ {MEBIBYTES} MiB", peak <= MEBIBYTES)


class _Way:
    """The sample's platform, and manifests of any size."""

    def __init__(self) -> None:
        tree = sample()
        files = {path: tree.read(path) for path, _ in walk(tree) if not path.startswith("projects/")}
        files["projects/acme/staging/environment.yaml"] = b"type: staging\n"
        self._repository = pipeline.read(MemoryTree.of(files))

    def taken(self, nodes: int) -> float:
        manifest = _manifest(nodes)
        gc.collect()
        began = time.process_time()  # of the processor: one thread, and whoever else is at work does not count
        self.text(manifest)
        return time.process_time() - began

    def text(self, manifest: Node) -> bytes:
        engine = EngineKind.TERRAFORM
        found = pipeline.resolve_manifest(self._repository, "acme", "staging", manifest, pins=Pins(), engine=engine)
        return bind(found.desired.document, offline(engine), (), found.module_files).files["main.tf.json"]


def _manifest(nodes: int) -> Node:
    """Databases on one server, each with an output that its workload gives."""
    lines = ["workloads:"]
    for number in range(_WORKLOADS):
        lines += [f"  w{number}x:", "    resources:"]
        lines += [f"      db{each}: {{type: postgres}}" for each in range(nodes // _WORKLOADS - 1)]
        lines += ["    outputs:", "      HOST: 'pg://${resources.db0.outputs.host}'"]
    return reading.read_one("large.manifest.yaml", "\n".join(lines).encode())


def _peak() -> float:
    """MiB at most of a process that does it once."""
    code = (
        "import resource; from tests.bench import core; core._Way().taken(core.NODES); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    return float(subprocess.run((sys.executable, "-c", code), check=True, capture_output=True, text=True).stdout)
