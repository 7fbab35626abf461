"""Several runs at once, for `batch` and `abatch`: the same errors, whichever way they are run."""

from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from graphflow._drive.threads import POOL_SIZE


def batch(
    calls: Sequence[Callable[[], Any]], limit: int | None, *, return_exceptions: bool
) -> list[Any]:
    """Call functions in threads; return their results in order.

    Raises:
        Exception: the first in order that a call raised, unless they are to be returned.
    """
    if not calls:
        return []
    with ThreadPoolExecutor(min(limit or POOL_SIZE, len(calls))) as pool:
        futures = [pool.submit(copy_context().run, call) for call in calls]
    results: list[Any] = []
    for future in futures:
        error = future.exception()
        if error is None:
            results.append(future.result())
        elif return_exceptions and isinstance(error, Exception):
            results.append(error)
        else:
            raise error
    return results


async def abatch(
    calls: Sequence[Callable[[], Coroutine[Any, Any, Any]]],
    limit: int | None,
    *,
    return_exceptions: bool,
) -> list[Any]:
    """Await calls at once; return their results in order.

    Raises:
        BaseException: the first that a call raised, unless they are to be returned; then the
            others have been cancelled.
    """
    import anyio  # noqa: PLC0415 - `batch` does not need it

    results: list[Any] = [None] * len(calls)
    slots = anyio.CapacityLimiter(limit or max(len(calls), 1))
    failed: list[BaseException] = []

    async def run(place: int, call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        async with slots:
            try:
                results[place] = await call()
            except BaseException as error:
                if return_exceptions and isinstance(error, Exception):
                    results[place] = error
                    return
                failed.append(error)
                group.cancel_scope.cancel()
                if isinstance(error, anyio.get_cancelled_exc_class()):
                    raise

    async with anyio.create_task_group() as group:
        for place, call in enumerate(calls):
            group.start_soon(run, place, call)
    if failed:
        raise failed[0]
    return results
