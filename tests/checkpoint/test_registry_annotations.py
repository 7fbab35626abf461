"""A registry learns from an annotation whatever classes it names, and their fields name."""

import enum
import sys
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from operator import add
from textwrap import dedent
from types import ModuleType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Required,
    TypedDict,
    TypeVar,
    Union,
)

import attrs
import pydantic
import pytest
from typing_extensions import TypeAliasType

from graphflow import MessagesState
from graphflow.checkpoint.registry import Registry

if TYPE_CHECKING:
    from nowhere import Nothing  # type: ignore[import-not-found] # the test is about what is not there


def learned(annotation: object) -> set[type]:
    """Return the classes that a registry learns from an annotation."""
    registry = Registry()
    registry.learn(annotation)
    return set(registry.by_class)


class Color(enum.Enum):
    """An enum."""

    RED = 1


@dataclass
class Leaf:
    """A dataclass without anything."""


class Pair(NamedTuple):
    """A named tuple."""

    leaf: Leaf


class Model(pydantic.BaseModel):
    """A model of pydantic."""

    leaf: Leaf | None = None
    others: "list[Model]" = []


@attrs.define
class Person:
    """A class of attrs."""

    color: Color


@dataclass
class Node:
    """A dataclass that names itself and others by forward references."""

    children: "list[Node]"
    leaf: "Leaf"
    made_from: InitVar[int] = 0
    shared: ClassVar[int] = 0


class State(TypedDict, total=False):
    """A state as graphs have it."""

    plain: int
    required: Required[Leaf]
    not_required: NotRequired[Annotated[list[Person], add]]


class Derived(State):
    """One that inherits from it."""

    more: Mapping[str, tuple[Color, ...]]


T = TypeVar("T")
Bound = TypeVar("Bound", bound=Leaf)
Either = TypeVar("Either", Color, Leaf)
Id = NewType("Id", Leaf)
Alias = TypeAliasType("Alias", "dict[str, Alias | Leaf]")
GenericAlias = TypeAliasType("GenericAlias", list[T], type_params=(T,))


@dataclass
class Box(Generic[T]):
    """A generic dataclass."""

    inner: T


class GenericModel(pydantic.BaseModel, Generic[T]):
    """A generic model."""

    inner: T


ANNOTATIONS: list[tuple[object, set[type]]] = [
    (int, set()),
    (None, set()),
    (Any, set()),
    ("Leaf", set()),
    (Leaf, {Leaf}),
    (list[Leaf], {Leaf}),
    (dict[str, list[tuple[int, Leaf]]], {Leaf}),
    (Leaf | None, {Leaf}),
    (Optional[Leaf], {Leaf}),  # noqa: UP045 - as users write it
    (Union[Color, Leaf], {Color, Leaf}),  # noqa: UP007 - as users write it
    (Annotated[list[Leaf], add], {Leaf}),
    (Literal[Color.RED, "a", 1], {Color}),
    (Callable[[Leaf], Color], {Leaf, Color}),
    (type[Leaf], {Leaf}),
    (Pair, {Pair, Leaf}),
    (Model, {Model, Leaf}),
    (Person, {Person, Color}),
    (Node, {Node, Leaf}),
    (State, {Leaf, Person, Color}),
    (Derived, {Leaf, Person, Color}),
    (MessagesState, set()),
    (Bound, {Leaf}),
    (Either, {Color, Leaf}),
    (Id, {Leaf}),
    (Alias, {Leaf}),
    (GenericAlias[Leaf], {Leaf}),
    (Box[Leaf], {Box, Leaf}),
    (Box[Box[Color]], {Box, Color}),
    (GenericModel[Leaf], {GenericModel[Leaf], Leaf}),
]


@pytest.mark.parametrize(
    ("annotation", "classes"), ANNOTATIONS, ids=[repr(each) for each, _ in ANNOTATIONS]
)
def test_what_an_annotation_names_is_learned(annotation: object, classes: set[type]) -> None:
    """And what the fields of that name."""
    assert learned(annotation) == classes


@dataclass
class Partly:
    """A dataclass of which one annotation is there for type checkers only."""

    nothing: "Nothing"
    leaf: "Leaf"
    again: "Partly | None" = None


def test_what_cannot_be_resolved_hides_nothing_else() -> None:
    """The other fields are read one by one."""
    assert learned(Partly) == {Partly, Leaf}


def test_a_class_inside_a_function_may_name_itself() -> None:
    """Its name is in no module."""

    @dataclass
    class Local:
        inner: "Local | None"
        leaf: Leaf

    assert learned(Local) == {Local, Leaf}


def test_postponed_annotations_are_resolved_in_their_own_module() -> None:
    """Those of a base too, which may be of another module."""
    base = module_of("base_of_test", "from __future__ import annotations", "Inner", "Outer")
    other = ModuleType("other_of_test")
    other.__dict__["Outer"] = base.__dict__["Outer"]
    derived: type = type("Derived", (base.__dict__["Outer"],), {"__module__": "other_of_test"})
    dataclass(derived)
    assert learned(derived) == {derived, base.__dict__["Inner"]}
    del sys.modules["base_of_test"]


def module_of(name: str, first: str, inner: str, outer: str) -> ModuleType:
    """Return a module with two dataclasses, of which one names the other."""
    module = ModuleType(name)
    sys.modules[name] = module
    code = f"""
        {first}
        from dataclasses import dataclass
        @dataclass
        class {outer}:
            inner: {inner} | None
        @dataclass
        class {inner}:
            pass
    """
    exec(dedent(code), module.__dict__)  # noqa: S102 - the code is written above
    return module


class Malicious(type):
    """A metaclass whose classes raise when they are looked at."""

    def __getattribute__(cls, name: str) -> object:
        """Raise whatever is asked for."""
        raise RuntimeError(name)

    def __hash__(cls) -> int:
        """Raise."""
        raise RuntimeError


class Looked(metaclass=Malicious):
    """A class that raises when it is looked at."""


def test_a_class_that_raises_when_it_is_looked_at_is_passed_over() -> None:
    """What comes after it is learned."""
    assert learned([Looked, Leaf]) == {Leaf}


def test_an_annotation_that_is_nested_without_end_comes_to_one() -> None:
    """However deep."""
    annotation: Any = Leaf
    for _ in range(5000):
        annotation = list[annotation]
    registry = Registry()
    registry.learn([annotation])
    registry.learn(Color)
    assert Color in registry.by_class


def test_a_class_learned_by_hand_brings_those_of_its_fields() -> None:
    """As one that is annotated does."""
    registry = Registry()
    registry.learn_class(Person)
    assert set(registry.by_class) == {Person, Color}


def test_learning_the_same_again_changes_nothing() -> None:
    """Each class is read once."""
    registry = Registry()
    registry.learn(Node)
    entries = dict(registry.by_class)
    registry.learn(Node)
    registry.learn_class(Leaf)
    assert registry.by_class == entries


def test_the_tag_is_the_class_by_its_module() -> None:
    """With the classes it is inside of."""

    @dataclass
    class Inner:
        x: int = field(default=1)

    registry = Registry()
    registry.learn(Inner)
    assert [*registry.by_tag] == [f"{__name__}:{Inner.__qualname__}"]
