"""Telling the kinds of JSON values apart, for readers and type checkers alike."""

from collections.abc import Mapping
from typing import Any, TypeGuard


def is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Return whether a value is a JSON object."""
    return isinstance(value, Mapping)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Return whether a value is a JSON array."""
    return isinstance(value, list)


def is_container(value: Any) -> TypeGuard[Mapping[str, Any] | list[Any]]:
    """Return whether a value is a JSON object or array."""
    return isinstance(value, Mapping | list)
