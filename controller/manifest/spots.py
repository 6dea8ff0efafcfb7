"""To which part of a document does an error of pydantic belong? Its steps followed through the model and the node."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from controller.errors import Place
from controller.manifest.phrases import shown
from controller.model.document import Node

_KEY = "[key]"  # pydantic's last step to an error about the key itself


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an error is: the node, what its model knows as keys there, and how to call it."""

    node: Node | None
    parent: Node
    name: str
    known: tuple[str, ...]
    is_key: bool
    path: tuple[str | int, ...]

    @property
    def place(self) -> Place:
        """Of the key where the key is wrong or lacks something, else of the value."""
        if self.node is None:
            return self.parent.key or self.parent.place
        return (self.node.key or self.node.place) if self.is_key else self.node.place

    @property
    def named_place(self) -> Place:
        """The same, and of the key that names a map where the whole map is wrong."""
        if self.node is not None and self.node.is_map:
            return self.node.key or self.node.place
        return self.place


def spot(model: type[BaseModel], node: Node, error: ErrorDetails) -> Spot:
    """Follow the steps of an error through the model and the node; steps that only name a choice lead nowhere."""
    shapes: tuple[Any, ...] = (model,)
    known: tuple[str, ...] = ()
    parent = node
    path: tuple[str | int, ...] = ()
    is_key = error["type"] in {"extra_forbidden", "missing"}
    here: Node | None = node
    for step in error["loc"]:
        if step == _KEY:
            is_key = True
            continue
        shapes = alternatives(shapes)
        below = _below(here, step)
        if _is_choice(shapes, step, below):
            shapes = tuple(shape for shape in shapes if step in _choice_names(shape)) or shapes
            continue
        known = fields(shapes)
        parent, here, path = here or parent, below, (*path, step)
        shapes = tuple(inner(shape, step) for shape in shapes)
    return Spot(here, parent, _name(path), known, is_key, path)


def alternatives(shapes: tuple[Any, ...]) -> tuple[Any, ...]:
    """The shapes with annotations taken off and choices laid side by side."""
    found: list[Any] = []
    for shape in shapes:
        if get_origin(shape) is Annotated:
            found.extend(alternatives((get_args(shape)[0],)))
        elif get_origin(shape) in {Union, types.UnionType}:
            found.extend(alternatives(get_args(shape)))
        else:
            found.append(shape)
    return tuple(found)


def fields(shapes: tuple[Any, ...]) -> tuple[str, ...]:
    """The keys that any of the shapes knows."""
    return tuple(
        field.alias or name
        for shape in shapes
        if isinstance(shape, type) and issubclass(shape, BaseModel)
        for name, field in shape.model_fields.items()
    )


def inner(shape: Any, step: str | int) -> Any:
    """The shape of what stands at a step below a shape."""
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        for name, field in shape.model_fields.items():
            if (field.alias or name) == step:
                return field.annotation
        return Any
    arguments = get_args(shape)
    if not arguments:
        return Any
    return arguments[-1] if get_origin(shape) in {dict, Mapping} else arguments[0]


def _below(node: Node | None, step: str | int) -> Node | None:
    if node is None:
        return None
    if isinstance(step, str):
        return node.entries.get(step)
    return node.items[step] if step < len(node.items) else None


def _name(path: tuple[str | int, ...]) -> str:
    if not path:
        return "the document"
    if isinstance(path[-1], str):
        return f"`{shown(path[-1])}`"
    keys = [step for step in path if isinstance(step, str)]
    return f"item {path[-1] + 1} of `{shown(keys[-1])}`" if keys else f"item {path[-1] + 1}"


def _is_choice(shapes: tuple[Any, ...], step: str | int, below: Node | None) -> bool:
    """Whether a step of pydantic only says which one of several shapes it tried."""
    if len(shapes) < 2 or not isinstance(step, str) or step in fields(shapes):
        return False
    return below is None or any(step in _choice_names(shape) for shape in shapes)


def _choice_names(shape: Any) -> set[str]:
    names = {getattr(shape, "__name__", ""), str(shape)}
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        for field in shape.model_fields.values():
            names |= {str(value) for value in get_args(field.annotation) if isinstance(value, str)}
    return names
