"""Is anything lost or made twice when processes are killed? Points to kill at, and what is true afterwards.

`ledger` is what really happened, outside of every state; `company` the repository that writes it; `zygote` forks
controllers; `traps` and `moments` are where they are killed, and `victims` who; `rounds` does it again and again,
`laws` says what has to be true when all is at rest, `table` counts.
"""
