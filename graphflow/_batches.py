"""What a compiled graph does with many inputs: a run for each."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from typing_extensions import TypeVar as DefaultTypeVar

from graphflow._stops import Named
from graphflow.config import RunnableConfig, merged
from graphflow.persistence import Persistence
from graphflow.types import Command, Durability, OnBusy

StateT = TypeVar("StateT")
ContextT = DefaultTypeVar("ContextT", default=None)

Keys = str | Sequence[str] | None


class Batches(Generic[StateT, ContextT]):
    """Runs a graph once for each of several inputs."""

    config: RunnableConfig
    _persistence: Persistence | None

    def invoke(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - see CompiledStateGraph
        """Run it once."""
        raise NotImplementedError

    async def ainvoke(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as above
        """Run it once, on the running event loop."""
        raise NotImplementedError

    def batch(  # noqa: PLR0913 - LangGraph's signature, and more
        self,
        inputs: Sequence[StateT | Mapping[str, Any] | Command | None],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        context: ContextT | Mapping[str, Any] | None = None,
        return_exceptions: bool = False,
        output_keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        interrupt_before: Named = None,
        interrupt_after: Named = None,
    ) -> list[Any]:
        """Run once for each input, in threads; return the outputs in the order of the inputs.

        Args:
            inputs: one input for each run.
            config: one for all runs, or a list with one for each. `max_concurrency` limits how
                many run at once, too.
            context: one for all runs.
            return_exceptions: whether an error stands in the list in place of its run's output;
                if not, the first in the order of the inputs is raised, after all have ended.
            output_keys: see the class.
            durability: see the class.
            on_busy: see the class; with `"queue"`, several inputs may be for one thread.
            interrupt_before: see the class.
            interrupt_after: see the class.

        Raises:
            ValueError: if there is another number of configs than of inputs; or if all inputs
                have one thread, and none is to wait for another.
        """
        from graphflow._drive.batch import batch  # noqa: PLC0415 - loads the thread pool

        calls = [
            lambda given=given, own=own: self.invoke(
                given,
                own,
                context=context,
                output_keys=output_keys,
                durability=durability,
                on_busy=on_busy,
                interrupt_before=interrupt_before,
                interrupt_after=interrupt_after,
            )
            for given, own in zip(inputs, self._configs(inputs, config, on_busy), strict=True)
        ]
        return batch(calls, self._concurrency(config), return_exceptions=return_exceptions)

    async def abatch(  # noqa: PLR0913 - as above
        self,
        inputs: Sequence[StateT | Mapping[str, Any] | Command | None],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        context: ContextT | Mapping[str, Any] | None = None,
        return_exceptions: bool = False,
        output_keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        interrupt_before: Named = None,
        interrupt_after: Named = None,
    ) -> list[Any]:
        """Do what `batch` does, on the running event loop; a failing run cancels the others."""
        from graphflow._drive.batch import abatch  # noqa: PLC0415 - loads anyio

        calls = [
            lambda given=given, own=own: self.ainvoke(
                given,
                own,
                context=context,
                output_keys=output_keys,
                durability=durability,
                on_busy=on_busy,
                interrupt_before=interrupt_before,
                interrupt_after=interrupt_after,
            )
            for given, own in zip(inputs, self._configs(inputs, config, on_busy), strict=True)
        ]
        return await abatch(calls, self._concurrency(config), return_exceptions=return_exceptions)

    def _configs(
        self,
        inputs: Sequence[object],
        config: RunnableConfig | Sequence[RunnableConfig] | None,
        on_busy: OnBusy | None,
    ) -> Sequence[RunnableConfig | None]:
        """Return a config for each input."""
        if config is None or isinstance(config, Mapping):
            if self._persistence is not None and len(inputs) > 1 and on_busy in (None, "reject"):
                msg = (
                    f"{len(inputs)} inputs have one config, and so one thread, which takes one "
                    f"run at a time; give a list with a config for each input, or on_busy="
                )
                raise ValueError(msg)
            return [config] * len(inputs)
        if len(config) != len(inputs):
            msg = f"there are {len(inputs)} inputs and {len(config)} configs; give one for each"
            raise ValueError(msg)
        return config

    def _concurrency(self, config: RunnableConfig | Sequence[RunnableConfig] | None) -> int | None:
        """Return how many runs of a batch may go on at once."""
        first = (
            config if config is None or isinstance(config, Mapping) else next(iter(config), None)
        )
        return merged(self.config, first).get("max_concurrency")
