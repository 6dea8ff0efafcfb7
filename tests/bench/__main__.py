"""Measure, and print a table: `python -m tests.bench [--only core|deployment|decision] [--repetitions 5]`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping

from tests.bench import core, decision, deployment, measure
from tests.bench.measure import Figure

FIGURES: Mapping[str, Callable[[int], Iterator[Figure]]] = {
    "core": core.figures,
    "deployment": deployment.figures,
    "decision": decision.figures,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure, and print a table.")
    parser.add_argument("--only", choices=sorted(FIGURES), action="append", help="One kind of figure; repeat for more.")
    parser.add_argument("--repetitions", type=int, default=5, help="How often each is measured; the middle counts.")
    chosen = parser.parse_args()
    found = [figure for name in chosen.only or FIGURES for figure in FIGURES[name](chosen.repetitions)]
    measure.say("\n")
    print(measure.table(found))


if __name__ == "__main__":
    main()
