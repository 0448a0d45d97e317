"""What kind of JSON value something is, in a way that type checkers follow."""

from collections.abc import Mapping
from typing import Any, TypeGuard


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Say whether a value is a JSON object."""
    return isinstance(value, dict)


def is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Say whether a value is a JSON object, or any other mapping that stands for one."""
    return isinstance(value, Mapping)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Say whether a value is a JSON list."""
    return isinstance(value, list)


def is_container(value: Any) -> TypeGuard[Mapping[str, Any] | list[Any]]:
    """Say whether a value is a JSON object or list."""
    return isinstance(value, Mapping | list)
