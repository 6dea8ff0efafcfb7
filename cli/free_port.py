"""Which port of this machine can a demo serve on?"""

from __future__ import annotations

import socket


def free_port(wanted: int) -> int:
    """The wanted port if nobody has it, else one that the system chooses."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise OSError("no port of the loopback interface is free")
