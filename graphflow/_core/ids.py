"""Task ids: derived, so that a replay has the same; made only when somebody asks.

Hashing costs 1.2 us, a third of a superstep, so nothing here is called on the hot path.
"""


def task_id(run_id: str, step: int, node: str, index: int) -> str:
    """Return 32 hex digits for one task of a run.

    Args:
        run_id: what makes the run unique.
        step: the superstep's number.
        node: the node's name.
        index: the number of the Send within the superstep, or -1 for a task an edge woke.
    """
    from hashlib import blake2b  # noqa: PLC0415 - 4 ms of import that most runs do not need

    seed = f"{run_id}\0{step}\0{node}\0{index}".encode("utf-8", "surrogatepass")
    return blake2b(seed, digest_size=16).hexdigest()
