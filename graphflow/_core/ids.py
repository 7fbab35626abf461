"""Task ids: derived, so that a replay has the same; made only when somebody asks.

Hashing costs 1.2 us, a third of a superstep, so nothing here is called on the hot path.
"""


def task_id(origin: str, step: int, node: str, index: int) -> str:
    """Return 32 hex digits for one task.

    Args:
        origin: the run's id, or what stands for the branch of a thread.
        step: the superstep's number; on a thread it is counted on from run to run, so that no
            other superstep of the branch has it.
        node: the node's name.
        index: the number of the Send within the superstep, or -1 for a task an edge woke.
    """
    from hashlib import blake2b  # noqa: PLC0415 - 4 ms of import that most runs do not need

    seed = f"{origin}\0{step}\0{node}\0{index}".encode("utf-8", "surrogatepass")
    return blake2b(seed, digest_size=16).hexdigest()


def origin_of(thread: str, branch: int, epoch: int = 0) -> str:
    """Return what stands for a branch of a thread in the ids of its tasks.

    A branch's number is random; the thread is part of it for the sake of a copied thread, whose
    tasks must not have the idempotency keys of the original's.

    Args:
        thread: the thread's id.
        branch: the branch.
        epoch: the epoch of a run that stores at its end only. If it is killed, nothing tells how
            far it was, and a later run must not use its ids again.
    """
    from hashlib import blake2b  # noqa: PLC0415 - as above

    name = blake2b(thread.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{name}\0{branch}\0{epoch}"


def interrupt_id(task: str, key: str, number: int) -> str:
    """Return 32 hex digits for one question of a task.

    Args:
        task: the task's id.
        key: the name that the node gave it, or "".
        number: how many of the same key the task had asked before it.
    """
    from hashlib import blake2b  # noqa: PLC0415 - as above

    seed = f"{task}\0{key}\0{number}".encode("utf-8", "surrogatepass")
    return blake2b(seed, digest_size=16).hexdigest()
