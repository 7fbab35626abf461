"""What a message of a language model says of the call, by OpenTelemetry's names for generative AI.

https://opentelemetry.io/docs/specs/semconv/gen-ai/ has the names. Messages are those of LangChain,
their chunks, or dicts with the same keys. What was said is not among it, for that is private.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast, final

Attributes: TypeAlias = dict[str, str | int | float | Sequence[str]]

_PROVIDERS: Final = {
    "amazon_bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "ibm": "ibm.watsonx.ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "xai": "x_ai",
}
"""LangChain's names of providers, where OpenTelemetry has others."""

_USAGE: Final = {
    ("input_tokens",): "gen_ai.usage.input_tokens",
    ("output_tokens",): "gen_ai.usage.output_tokens",
    ("input_token_details", "cache_creation"): "gen_ai.usage.cache_creation.input_tokens",
    ("input_token_details", "cache_read"): "gen_ai.usage.cache_read.input_tokens",
    ("output_token_details", "reasoning"): "gen_ai.usage.reasoning.output_tokens",
}

_REQUEST: Final = {
    "ls_model_name": "gen_ai.request.model",
    "ls_temperature": "gen_ai.request.temperature",
    "ls_max_tokens": "gen_ai.request.max_tokens",
}


@final
class Spoken:
    """What the messages of one task have said so far.

    A message that comes in chunks is one message: what its chunks say is added up, and if it comes
    whole as well, that counts.
    """

    __slots__ = ("_last", "_reasons", "_usage")

    def __init__(self) -> None:
        """Begin with no message."""
        self._usage: dict[object, Counter[str]] = {}
        self._reasons: dict[object, str] = {}
        self._last: object = None

    def take(self, message: object, metadata: Mapping[str, Any]) -> Attributes:
        """Take one message, or a chunk of one; return the attributes that it changes.

        Args:
            message: the message.
            metadata: what the stream says of it.
        """
        if message is self._last:  # it was told twice
            return {}
        self._last = message
        key = _of(message, "id") or len(self._usage)
        said = _mapping(_of(message, "response_metadata"))
        found: Attributes = {}
        if provider := metadata.get("ls_provider") or said.get("model_provider"):
            found["gen_ai.provider.name"] = _PROVIDERS.get(str(provider), str(provider))
        for name, attribute in _REQUEST.items():
            if isinstance(value := metadata.get(name), str | int | float):
                found[attribute] = value
        if model := said.get("model_name") or said.get("model"):
            found["gen_ai.response.model"] = str(model)
        if usage := Counter(dict(_usage(message))):
            whole = not type(message).__name__.endswith("Chunk")
            self._usage[key] = usage if whole else self._usage.get(key, Counter()) + usage
            found.update(sum(self._usage.values(), Counter[str]()))
        if reason := said.get("finish_reason") or said.get("stop_reason"):
            self._reasons[key] = str(reason)
            found["gen_ai.response.finish_reasons"] = [*self._reasons.values()]
        return found


def _usage(message: object) -> Iterator[tuple[str, int]]:
    """Yield what a message says of tokens, by the names of attributes."""
    for path, attribute in _USAGE.items():
        found: Any = _mapping(_of(message, "usage_metadata"))
        for name in path[:-1]:
            found = _mapping(found.get(name))
        if isinstance(count := found.get(path[-1]), int):
            yield attribute, count


def _of(message: object, name: str) -> Any:  # noqa: ANN401 - whatever a message has there
    """Return a field of a message, or None."""
    if isinstance(message, Mapping):
        return cast("Mapping[str, Any]", message).get(name)
    return getattr(message, name, None)


def _mapping(value: object) -> Mapping[str, Any]:
    """Return a value that is a mapping; an empty one for any other."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
