"""What an answer must be: schemas as JSON Schema, and the check of answers against them.

The JSON Schema is stored with the question, so whoever answers in another process needs neither
the node's code nor its types. Types other than the simplest are pydantic's business, and schemas
other than the simplest jsonschema's; both come with the extra `schemas`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from graphflow.errors import shown

_SIMPLE: Final[Mapping[Any, str]] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list, tuple),
    "object": (dict,),
    "null": (type(None),),
}


def described(schema: Any) -> dict[str, Any] | None:  # noqa: ANN401 - a type, or a JSON Schema
    """Return the JSON Schema of what `interrupt` was given as its response_schema.

    Raises:
        TypeError: if it is neither a type nor a JSON Schema, or a library for it is missing.
    """
    if schema is None:
        return None
    if isinstance(schema, dict):
        described = cast("dict[str, Any]", schema)
        if not _is_simple(described):
            _check_schema(described)
        return described
    try:
        simple = _SIMPLE.get(schema)
    except TypeError:  # not hashable
        simple = None
    if simple is not None:
        return {"type": simple}
    made = _made(schema)
    if not _is_simple(made):
        _check_schema(made)
    return made


def _made(schema: Any) -> dict[str, Any]:  # noqa: ANN401 - a type
    """Return the JSON Schema of a type.

    Raises:
        TypeError: if it is none, or has no JSON Schema.
    """
    if isinstance(schema, str):
        msg = f"response_schema is {schema!r}; give a type or a JSON Schema, not a name"
        raise TypeError(msg)
    adapter = _adapter(schema)
    try:
        made: dict[str, Any] = adapter.json_schema()
    except Exception as error:
        msg = f"response_schema {shown(schema)} is no type that an answer can be checked against"
        raise TypeError(msg) from error
    return made


def refusal(schema: Mapping[str, Any] | None, answer: object) -> str | None:
    """Return why an answer does not fit a JSON Schema, or None if it does.

    Raises:
        TypeError: if a library for it is missing.
    """
    if schema is None:
        return None
    if _is_simple(schema):
        wanted = schema["type"]
        fits = isinstance(answer, _TYPES[wanted]) and (
            not isinstance(answer, bool) or wanted == "boolean"
        )
        return None if fits else f"it must be of the type {wanted!r}"
    validator = _validator(schema)
    first = next(iter(sorted(validator.iter_errors(_as_json(answer)), key=_place)), None)
    if first is None:
        return None
    where = "".join(f"[{part!r}]" for part in first.absolute_path)
    return f"at {where}: {first.message}" if where else str(first.message)


def returned(schema: Any, answer: Any) -> Any:  # noqa: ANN401 - whatever was given and is returned
    """Return an answer as the node gets it: as an instance of the type that it asked for.

    Raises:
        ValueError: if the type does not take it.
    """
    if schema is None or isinstance(schema, dict) or schema in (bool, str, list, dict):
        return answer
    if schema in (int, float):
        return schema(answer)
    return _adapter(schema).validate_python(answer)


def _is_simple(schema: Mapping[str, Any]) -> bool:
    """Tell whether a schema asks for one of the JSON types and no more."""
    return schema.keys() <= {"type", "title", "description"} and (
        isinstance(schema.get("type"), str) and schema["type"] in _TYPES
    )


def _adapter(schema: Any) -> Any:  # noqa: ANN401 - pydantic's TypeAdapter, which may be missing
    """Return what makes objects of a type out of answers."""
    try:
        from pydantic import PydanticUserError, TypeAdapter  # noqa: PLC0415 - optional
    except ImportError:
        raise TypeError(_missing(schema, "pydantic")) from None
    try:
        return TypeAdapter(schema)
    except PydanticUserError as error:
        msg = f"response_schema {shown(schema)} is no type that an answer can be checked against"
        raise TypeError(msg) from error


def _check_schema(schema: Mapping[str, Any]) -> None:
    """Raise if a JSON Schema is none, or is not all there."""
    for part in _parts(schema):
        other = part.get("$ref", "#")
        if isinstance(other, str) and not other.startswith("#"):
            msg = (
                f"response_schema refers to {shown(other)}, and nothing is read from elsewhere: "
                f"write it under '$defs', and refer to '#/$defs/...'"
            )
            raise TypeError(msg)
        pattern = part.get("pattern")
        if isinstance(pattern, str) and (reason := _broken(pattern)) is not None:
            msg = f"response_schema has the pattern {shown(pattern)}, which is none: {reason}"
            raise TypeError(msg)
    validator = _validator(schema)
    found = next(iter(type(validator)(validator.META_SCHEMA).iter_errors(schema)), None)
    if found is not None:
        msg = f"response_schema {shown(schema)} is no JSON Schema: {found.message}"
        raise TypeError(msg)


def _parts(schema: Any, depth: int = 0) -> Iterator[dict[Any, Any]]:  # noqa: ANN401 - any part
    """Yield all dicts that a schema is made of.

    Raises:
        TypeError: if they are nested too deeply; one that contains itself is.
    """
    if depth > _DEEPEST:
        msg = f"response_schema is nested in more than {_DEEPEST} levels, or contains itself"
        raise TypeError(msg)
    if isinstance(schema, _DICT):
        yield schema
        schema = [*schema.values()]
    if isinstance(schema, _LIST):
        for part in schema:
            yield from _parts(part, depth + 1)


def _broken(pattern: str) -> str | None:
    """Return why a regular expression is none, or None if it is one."""
    import re  # noqa: PLC0415 - few schemas have one

    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return None


_DEEPEST: Final = 64
_DICT: Final[Any] = dict  # not narrowed to by type checkers, which would know too little of it
_LIST: Final[Any] = list


def _validator(schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - jsonschema's, which may be missing
    """Return what checks answers against a JSON Schema; it reads nothing from elsewhere."""
    try:
        from jsonschema import validators  # noqa: PLC0415 - optional
        from referencing import Registry  # noqa: PLC0415 - jsonschema's own
    except ImportError:
        raise TypeError(_missing(schema, "jsonschema")) from None
    cls = validators.validator_for(schema, default=validators.Draft202012Validator)
    return cls(schema, registry=Registry(), format_checker=cls.FORMAT_CHECKER)


def _missing(schema: object, library: str) -> str:
    """Say which library a schema needs."""
    return (
        f"response_schema {shown(schema)} needs {library}; "
        f"install it with: pip install 'graphflow-engine[schemas]'"
    )


def _as_json(answer: object) -> object:
    """Return an answer as JSON has it; an object of a class as its fields."""
    try:
        from pydantic_core import to_jsonable_python  # noqa: PLC0415 - optional
    except ImportError:
        return answer
    return to_jsonable_python(answer, fallback=lambda value: value)


def _place(error: Any) -> tuple[Any, ...]:  # noqa: ANN401 - jsonschema's
    """Return what errors are sorted by: the one nearest to the top first."""
    return (len(error.absolute_path), str(error.message))
