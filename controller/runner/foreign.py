"""Is the state that the engine met ours? With OpenTofu it is encrypted, with the environment's key or another."""

from __future__ import annotations

from controller.runner.protocol import Phase
from controller.runner.session import Session

# What OpenTofu says of a state that is encrypted with another key, with none, or is no state at all.
_SAID = (
    "decryption failed for all provided methods",
    "encountered unencrypted payload without unencrypted method",
    "unable to determine data structure during decryption",
)


def refusal(session: Session) -> str:
    """What to say where one of the diagnostics held tells of a state that is not ours; empty: none does."""
    said = [f"{held.get('summary')} {held.get('detail')}".lower() for held in session.held]
    if not any(phrase in text for text in said for phrase in _SAID):
        return ""
    if session.job.refuses_state:
        return session.job.refuses_state
    if session.job.phase is Phase.MOVE:
        return (
            "the state is not put there: what is at the new place is not encrypted with the key of this environment, "
            "so somebody else wrote it; see that the new place holds no other state, then move it again"
        )
    if session.job.adopts:
        return (
            "the state that is to be taken over is encrypted with a key that this controller does not have; give what "
            "`state pull` prints where it was written, with `lockstep adopt … --state FILE`"
        )
    return (
        "the state is not encrypted with the key of this environment, so somebody else wrote it; bring back the one "
        f"that Lockstep wrote; {session.see_log('what the engine said')}"
    )
