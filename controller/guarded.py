"""What becomes of a step that fails? The loop lives on: it is tried again, or said with its traceback."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from controller.errors import RetryableError
from controller.runner import durable

log = logging.getLogger(__name__)

T = TypeVar("T")


def guarded(what: str, act: Callable[[], T], failed: Callable[[Exception], None] | None = None) -> T | None:
    """Act, and live on whatever happens: what is passing is tried again, all else is said with its traceback."""
    try:
        return act()
    except Exception as e:
        if isinstance(e, OSError) and is_passing(e):
            log.warning("%s: the machine refuses: %s; make room or mend it, it is tried again", what, e.strerror)
        elif is_passing(e):
            log.warning("%s: %s", what, e)
        else:
            log.exception("%s failed", what)
        if failed is not None:
            failed(e)
        return None


def is_passing(error: Exception) -> bool:
    """Whether the same may well succeed later, without anybody's changing what was wanted."""
    return isinstance(error, RetryableError) or (isinstance(error, OSError) and durable.is_passing(error))
