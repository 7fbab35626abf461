"""Managed values: keys of the state that the engine fills in for a node and nobody writes.

Annotate a key with `IsLastStep` or `RemainingSteps`; every node that reads it sees the value for
the superstep it runs in.
"""

from typing import Annotated, TypeAlias

__all__ = (
    "IsLastStep",
    "IsLastStepManager",
    "ManagedValue",
    "RemainingSteps",
    "RemainingStepsManager",
)


class ManagedValue:
    """A value computed from where the run is."""

    __slots__ = ()

    @staticmethod
    def get(step: int, limit: int) -> object:
        """Return the value for superstep `step`, counted from 1, of at most `limit`."""
        raise NotImplementedError


class IsLastStepManager(ManagedValue):
    """Whether a superstep after this one would be the last that `recursion_limit` allows.

    That is LangGraph's meaning: the superstep whose number is the limit still runs, but the run
    fails after it, so the one before is the last that can end well.
    """

    __slots__ = ()

    @staticmethod
    def get(step: int, limit: int) -> bool:
        """Compare the superstep's number with the limit."""
        return step == limit - 1


class RemainingStepsManager(ManagedValue):
    """How many supersteps may follow this one."""

    __slots__ = ()

    @staticmethod
    def get(step: int, limit: int) -> int:
        """Subtract the supersteps done from the limit."""
        return limit - step


IsLastStep: TypeAlias = Annotated[bool, IsLastStepManager]
RemainingSteps: TypeAlias = Annotated[int, RemainingStepsManager]
