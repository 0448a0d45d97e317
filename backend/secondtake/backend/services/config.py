"""Every setting, with where its value came from."""

from pathlib import Path
from typing import Any, Final, cast

from secondtake.backend.models.system import Configuration, SettingValue
from secondtake.runner.settings import OPTIONS, Settings

HIDDEN: Final = ("redaction_patterns",)
"""Shown by their number alone: a pattern may spell out the secret that it looks for."""


def describe_settings(settings: Settings) -> Configuration:
    """Return each setting with its value and origin."""
    return Configuration(
        settings=[
            SettingValue(
                name=option.name,
                value=_shown(option.name, getattr(settings, option.name)),
                origin=settings.origins[option.name],
                variable=option.variable,
                help=option.help,
            )
            for option in OPTIONS
        ],
        toml_path=str(settings.toml_path) if settings.toml_path else None,
    )


def _shown(name: str, value: Any) -> Any:
    if name in HIDDEN:
        return f"{len(value)} hidden" if value else []
    if isinstance(value, tuple):
        return [str(item) for item in cast("tuple[Any, ...]", value)]
    return str(value) if isinstance(value, Path) else value
