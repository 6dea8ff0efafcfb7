"""How fast is it, against what a person would use instead? `python -m tests.bench [PART…] [-n REPETITIONS]`.

Ratios of one run on one machine: nothing here fails because a machine is slow. Engines are looked for as the tests do,
on the PATH and in the folders of LOCKSTEP_TEST_PATH.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping

import cli
from tests.bench import decision, deployment, graph, measure, pages, polling, pushes, webhook
from tests.bench.measure import Figure

PARTS: Mapping[str, Callable[[int], Iterator[Figure]]] = {
    "deployment": deployment.figures,
    "graph": graph.figures,
    "decision": decision.figures,
    "polling": polling.figures,
    "pages": pages.figures,
    "pushes": pushes.figures,
    "webhook": webhook.figures,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure Lockstep.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("-n", "--repetitions", type=int, default=5, help="of which the middle one counts")
    chosen = parser.parse_args()
    warnings.simplefilter("error")
    gc.set_threshold(cli.YOUNG)  # as every command does
    found: list[Figure] = []
    for part in chosen.parts or PARTS:
        found += PARTS[part](chosen.repetitions)
        measure.say("\n")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    machine = f"{os.cpu_count()} cores, load {load}, Python {platform.python_version()}"
    sys.stdout.write(f"{measure.table(found)}\n\nthe middle of {chosen.repetitions} repetitions in turns; {machine}\n")


if __name__ == "__main__":
    main()
