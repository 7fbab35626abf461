"""Nodes that ask a person: a prompt and a handler, of which the answer runs the second only."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from inspect import signature
from typing import Any, final

from graphflow._answers import described
from graphflow._core.topology import Asked, Callee
from graphflow._plain import ABSENT
from graphflow._scope import current
from graphflow._signature import Signature, read_function
from graphflow.errors import shown
from graphflow.interrupts import seconds_of

_KEY = "ask"
_PROMPT = ":prompt"  # no path function's name has a colon
_THEN = ":then"


@final
class Ask:
    """What a node that asks does.

    Args:
        said: what it is, for errors.
        prompt: makes the question from the state.
        then: makes the update from state and answer, or None if the answer is the update.
        response_schema: what the answer must be.
        expires_in: for how long it may be answered.
        default: what answers it then.
        inline: whether plain functions may run on the event loop.

    Attributes:
        signature: what is known of it as a node's function.

    Raises:
        TypeError: if a function cannot be called so, or the schema is none.
        ValueError: if the time is none.
    """

    def __init__(  # noqa: PLR0913 - what `add_ask` was given
        self,
        said: str,
        prompt: Callable[..., Any],
        then: Callable[..., Any] | None,
        *,
        response_schema: Any,  # noqa: ANN401 - a type or a JSON Schema
        expires_in: float | timedelta | None,
        default: Any,  # noqa: ANN401 - any answer
        inline: bool,
    ) -> None:
        described(response_schema)
        self._schema = response_schema
        self._seconds = seconds_of(expires_in)
        self._default = default
        asking = read_function(prompt, f"the prompt of {said}", inline=inline)
        handling = Signature(Callee(None, None, (), inline))
        if then is not None:
            handling = read_function(_with_answer(then, said), f"the handler of {said}")
        self._prompt = asking.callee
        self._then = None if then is None else handling.callee
        self._handler = then
        asks = (*_named("prompt ", asking.callee), *_named("then ", handling.callee))
        waits = asking.callee.sync is None or (self._then is not None and self._then.sync is None)
        self.signature = Signature(
            Callee(None if waits else self.run, self.arun if waits else None, asks, inline),
            asking.state,
            handling.goto,
        )

    def run(self, state: Any, **handed: Any) -> Any:  # noqa: ANN401 - a state and an update
        """Ask, or handle the answer."""
        question = None
        if not current().answered(_KEY):
            assert self._prompt.sync is not None, "else it is awaited"
            current().edge = _PROMPT
            question = self._prompt.sync(state, **_of("prompt ", handed))
        answer = self._answer(question)
        if self._handler is None:
            return answer
        return self._handler(state, answer, **_of("then ", handed))

    async def arun(self, state: Any, **handed: Any) -> Any:  # noqa: ANN401 - as above
        """Do the same where it can be awaited."""
        question = None
        if not current().answered(_KEY):
            current().edge = _PROMPT
            question = await _called(self._prompt, state, _of("prompt ", handed))
        answer = self._answer(question)
        if self._handler is None:
            return answer
        result = self._handler(state, answer, **_of("then ", handed))
        return await result if self._then is not None and self._then.sync is None else result

    def _answer(self, question: object) -> Any:  # noqa: ANN401 - the answer
        """Return the answer to a question, which is not looked at where there is one."""
        scope = current()
        scope.edge = ""
        answer = scope.ask(question, self._schema, _KEY, self._seconds, self._default)
        scope.edge = _THEN
        return answer


def ask_of(  # noqa: PLR0913 - what `add_ask` was given
    said: str,
    prompt: Any,  # noqa: ANN401 - checked here
    then: Any,  # noqa: ANN401 - checked here
    *,
    response_schema: Any,  # noqa: ANN401 - as above
    expires_in: float | timedelta | None,
    default: Any = ABSENT,  # noqa: ANN401 - as above
    inline: bool,
) -> Ask:
    """Return what a node that asks does.

    Raises:
        TypeError: if `prompt` or `then` is no function.
    """
    for what, given in (("prompt", prompt), ("then", then)):
        if not callable(given) and not (what == "then" and given is None):
            msg = f"{what} of {said} must be a function, not {shown(given)}"
            raise TypeError(msg)
    return Ask(
        said,
        prompt,
        then,
        response_schema=response_schema,
        expires_in=expires_in,
        default=default,
        inline=inline,
    )


async def _called(callee: Callee, state: object, handed: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what it returns
    """Call a function in the way that it can be called."""
    if callee.coro is not None:
        return await callee.coro(state, **handed)
    assert callee.sync is not None, "a function can be called one way or the other"
    return callee.sync(state, **handed)


def _with_answer(then: Callable[..., Any], said: str) -> Callable[..., Any]:
    """Return a handler as a function of the state alone, to be read as a node's.

    Raises:
        TypeError: if it does not take the answer.
    """
    taken = [
        one
        for one in signature(then).parameters.values()
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD, one.VAR_POSITIONAL)
    ]
    if any(one.kind is one.VAR_POSITIONAL for one in taken):
        return then
    if len(taken) < 2:  # noqa: PLR2004 - the state and the answer
        msg = f"the handler of {said} must take the state and the answer: def then(state, answer)"
        raise TypeError(msg)
    return partial(then, **{taken[1].name: None})


def _named(prefix: str, callee: Callee) -> list[tuple[str, Asked]]:
    """Return what a function asks for, under names that tell it from the other one."""
    return [(f"{prefix}{name}", asked) for name, asked in callee.asks]


def _of(prefix: str, handed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what one of the two functions is handed beside the state."""
    return {
        name.removeprefix(prefix): one for name, one in handed.items() if name.startswith(prefix)
    }
