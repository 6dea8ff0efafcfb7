"""What really happened, outside of every state? One line for each effect, written by the effect itself.

    <kind> <environment's uuid> <name> <size> <deployment> <engine's pid> <seconds since boot> <id>

`made` and `unmade` come from the provisioners of what is made, which knows its id alone when it was imported; `apply`
and `overlap` from a witness that stands before the engine: for `apply` the size is the sha256 of the plan file that the
engine is about to read, `overlap` says that something of an earlier apply of the same environment was still alive.
`approved` is what the test did as a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MADE, UNMADE, APPLY, OVERLAP, APPROVED = "made", "unmade", "apply", "overlap", "approved"

# As the command of an engine: `sh witness.sh <locks> <ledger> <engine> <arguments>…`. The lock is inherited by all
# that the engine starts, so that the kernel tells whether anything of it is left. Nothing of Lockstep is asked.
WITNESS = """\
locks=$1 ledger=$2
shift 2
if [ "$2" = apply ]; then
    for plan; do :; done
    uuid=${PWD##*/} run=${HOME%/home}
    read -r now _ < /proc/uptime
    digest=$(sha256sum < "$plan")
    exec 9>> "$locks/$uuid"
    flock --nonblock 9 || echo "overlap $uuid - - ${run##*/} $$ $now -" >> "$ledger"
    echo "apply $uuid - ${digest%% *} ${run##*/} $$ $now -" >> "$ledger"
fi
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Line:
    kind: str
    uuid: str
    name: str = "-"
    size: str = "-"
    deployment: str = "-"
    pid: str = "-"
    at: float = 0.0
    id: str = "-"


class Ledger:
    """The ledger as one reads it again and again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[Line] = []
        self._read = 0  # bytes

    def lines(self) -> list[Line]:
        """All lines in order; one that is being written does not count yet."""
        if not self.path.exists() or self.path.stat().st_size == self._read:
            return self._lines
        with open(self.path, "rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")[0] + b"\n"
        if len(whole) > 1:
            self._read += len(whole)
            self._lines += [_line(words) for words in map(str.split, whole.decode().splitlines())]
        return self._lines


def approve(path: Path, uuid: str) -> None:
    """Note that a person approved what may be made twice."""
    with open(path, "a") as file:
        file.write(f"{APPROVED} {uuid} - - - - 0 -\n")


def doubled(lines: Iterable[Line]) -> list[str]:
    """What was made a second time while it was there, without anybody's approval in between."""
    found, there = [], list[Line]()
    for line in lines:
        match line.kind:
            case "made":
                if any((line.uuid, line.name) == (other.uuid, other.name) for other in there):
                    found.append(f"{line.name} of {line.uuid} by {line.deployment}")
                there.append(line)
            case "unmade":
                there = [other for other in there if other.id != line.id]
            case "approved":
                there = [other for other in there if other.uuid != line.uuid]
    return found


def overlapping(lines: Sequence[Line]) -> list[str]:
    """Applies of one environment at the same time: seen by the witness, or by effects of one within another."""
    seen = [f"{line.deployment} of {line.uuid}" for line in lines if line.kind == OVERLAP]
    order: dict[str, list[str]] = {}
    for line in lines:
        engines = order.setdefault(line.uuid, [])
        engine = f"{line.deployment} ({line.pid})"
        if line.kind in (MADE, UNMADE, APPLY) and engine not in engines[-1:]:
            if engine in engines:
                seen.append(f"{engine} of {line.uuid}")
            engines.append(engine)
    return seen


def handed_twice(lines: Iterable[Line]) -> list[str]:
    """Plans that were given to an engine more than once."""
    plans = [line for line in lines if line.kind == APPLY]
    times = Counter(line.size for line in plans)
    return sorted({line.deployment for line in plans if times[line.size] > 1})


def applied(lines: Iterable[Line]) -> Mapping[str, str]:
    """Deployment -> sha256 of the plan file that its engine read last."""
    return {line.deployment: line.size for line in lines if line.kind == APPLY}


def there(lines: Iterable[Line], uuid: str) -> Mapping[str, str]:
    """What an environment consists of now, name -> size; of what was made twice with approval, the one made last."""
    made = {line.id: line for line in lines if line.uuid == uuid and line.kind == MADE}
    gone = {line.id for line in lines if line.uuid == uuid and line.kind == UNMADE}
    newest = {line.name: line for line in made.values()}
    return {name: line.size for name, line in newest.items() if line.id not in gone}


def _line(words: Sequence[str]) -> Line:
    kind, uuid, name, size, deployment, pid, at, id = words
    return Line(kind, uuid, name, size, deployment, pid, float(at), id)
