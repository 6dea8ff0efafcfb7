"""What of the address of a resource may everybody read?

Names in it stand in the code; keys of instances are values, which the engine computes. The standard library is all that
this module needs: the supervisor imports it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

_KEY = re.compile(r'\["((?:[^"\\]|\\.)*)"\]')
# What stands in its brackets is a name, of the code.
_PROVIDER = re.compile(r'(?:module\.[^."\[]+\.)*provider\["')


def masked(address: str, mask: Callable[[str], str]) -> str:
    """The address with what `mask` hides in its keys hidden."""
    if _PROVIDER.match(address):
        return address
    return _KEY.sub(lambda found: _masked(found[0], found[1], mask), address)


def _masked(whole: str, written: str, mask: Callable[[str], str]) -> str:
    key = _read(written)
    shown = mask(key)
    return whole if shown == key and mask(written) == written else f"[{json.dumps(shown, ensure_ascii=False)}]"


def _read(written: str) -> str:
    """The key itself, whose quotes, line ends and templates the engine escapes."""
    try:
        return str(json.loads(f'"{written}"')).replace("$${", "${").replace("%%{", "%{")
    except ValueError:
        return written
