"""Classes of every kind that the codec knows, whose code says so when it runs."""

import dataclasses
import enum
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

import attrs
import pydantic

CALLS: Final[list[str]] = []
"""What ran, since somebody cleared it."""

Value: TypeAlias = Any


class Noisy:
    """A base whose every special method is recorded; nothing of it may run when it is rebuilt."""

    def __new__(cls, *_args: object, **_kwargs: object) -> Any:  # noqa: ANN401 - of any subclass
        """Record the making."""
        CALLS.append("__new__")
        return super().__new__(cls)

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Be as every class is."""
        super().__init_subclass__(**kwargs)

    def __setattr__(self, name: str, value: object) -> None:
        """Record a setting."""
        CALLS.append("__setattr__")
        super().__setattr__(name, value)

    def __setstate__(self, state: object) -> None:
        """Record what pickle and copy call."""
        CALLS.append("__setstate__")

    def __reduce_ex__(self, protocol: object) -> Any:  # noqa: ANN401 - as object has it
        """Record what pickle and copy call."""
        CALLS.append("__reduce_ex__")
        return super().__reduce_ex__(4)

    def __getstate__(self) -> object:
        """Record what pickle and copy call."""
        CALLS.append("__getstate__")
        return None


@dataclass
class Loud(Noisy):
    """A dataclass with a constructor and all else."""

    x: Value
    y: Value = "default"

    def __post_init__(self) -> None:
        """Record the end of the constructor."""
        CALLS.append("__post_init__")


@dataclass(frozen=True, slots=True)
class Point:
    """A frozen dataclass with slots."""

    x: Value
    y: Value = 0
    z: Value = field(default_factory=list[Any])

    def __post_init__(self) -> None:
        """Record the end of the constructor."""
        CALLS.append("__post_init__")


@dataclass(slots=True)
class Base:
    """A dataclass with slots to inherit from."""

    x: Value = 1


@dataclass
class Derived(Base):
    """One with a dict besides."""

    y: Value = field(default=2, kw_only=True)
    late: Value = field(init=False)
    shared: ClassVar[int] = 5


@attrs.define
class Person:
    """A class of attrs, with slots."""

    name: Value
    _secret: Value = 1
    tags: Value = attrs.field(factory=list[Any])
    twice: Value = attrs.field(default=attrs.Factory(lambda self: [self.name] * 2, takes_self=True))

    def __attrs_post_init__(self) -> None:
        """Record the end of the constructor."""
        CALLS.append("__attrs_post_init__")


def converted(value: object) -> object:
    """Record the converter of a field."""
    CALLS.append("converter")
    return value


def validated(_made: object, _field: object, _value: object) -> None:
    """Record the validator of a field."""
    CALLS.append("validator")


@attrs.frozen(slots=False)
class Plain:
    """A frozen class of attrs with a dict, and with code for every field."""

    x: Value = attrs.field(converter=converted, validator=validated)


@attrs.frozen(cache_hash=True)
class Cached:
    """A class of attrs that keeps its hash."""

    x: Value


@attrs.frozen(cache_hash=True, slots=False)
class CachedInDict:
    """The same without slots."""

    x: Value


class Account(pydantic.BaseModel):
    """A model with code wherever pydantic takes some."""

    model_config = pydantic.ConfigDict(validate_assignment=True)

    owner: str
    balance: int = 0
    log: list[Any] = pydantic.Field(default_factory=list, alias="history")
    _cache: Any = pydantic.PrivateAttr(default_factory=dict)
    _lazy: int

    def __init__(self, **data: Any) -> None:  # noqa: ANN401 - as pydantic has it
        """Record the constructor."""
        CALLS.append("__init__")
        super().__init__(**data)

    @pydantic.field_validator("owner", mode="before")
    @classmethod
    def check_owner(cls, owner: object) -> object:
        """Record the validator of a field."""
        CALLS.append("field_validator")
        return owner

    @pydantic.model_validator(mode="after")
    def check(self) -> "Account":
        """Record the validator of the whole."""
        CALLS.append("model_validator")
        return self

    def model_post_init(self, context: object, /) -> None:
        """Record the end of the constructor, which `model_construct` calls too."""
        CALLS.append("model_post_init")
        super().model_post_init(context)


class Open(pydantic.BaseModel):
    """A frozen model that takes what it is given."""

    model_config = pydantic.ConfigDict(extra="allow", frozen=True)

    x: Any = None


class Derives(pydantic.BaseModel):
    """A model one of whose defaults is made from other fields."""

    first: list[int]
    rest: list[int] = pydantic.Field(default_factory=lambda data: [*data["first"], 0])


class Numbers(pydantic.RootModel[list[int]]):
    """A model that is one value."""


@pydantic.dataclasses.dataclass
class Checked:
    """A dataclass of pydantic."""

    x: int
    y: int = pydantic.Field(default=3)
    z: list[int] = pydantic.Field(default_factory=list[int])
    w: int = 4

    @pydantic.field_validator("x", mode="before")
    @classmethod
    def check_x(cls, x: object) -> object:
        """Record the validator."""
        CALLS.append("field_validator")
        return x


class Pair(NamedTuple):
    """A tuple with names."""

    one: Value
    two: Value = 2


class Color(enum.Enum):
    """An enum that has an alias."""

    RED = 1
    GREEN = "g"
    ROT = 1  # noqa: PIE796 - an alias

    @classmethod
    def _missing_(cls, value: object) -> "Color | None":  # noqa: ARG003 - the base's name
        CALLS.append("_missing_")
        return None


class Level(enum.IntEnum):
    """An enum of ints."""

    LOW = 1
    HIGH = 2


class Word(enum.StrEnum):
    """An enum of strings."""

    YES = "yes"


class Right(enum.Flag):
    """Flags."""

    READ = 1
    WRITE = 2
    RUN = 4
    ALL = 7

    @classmethod
    def _missing_(cls, value: object) -> Any:  # noqa: ANN401 - as enum has it
        CALLS.append("_missing_")
        return super()._missing_(value)


class Bits(enum.IntFlag):
    """Flags that are ints, and may have bits without a name."""

    ONE = 1
    TWO = 2


class Hidden:
    """A class whose field is a property, so that setting it is code."""

    _x: int

    @property
    def x(self) -> int:
        """Return what was set."""
        return self._x

    @x.setter
    def x(self, x: int) -> None:
        CALLS.append("setter")
        self._x = x


WithProperty: Final = dataclasses.make_dataclass("WithProperty", [("x", int)], bases=(Hidden,))
