"""How questions about runs become query parameters."""

from typing import Any, Final

from secondtake.backend.models.runs import RunFilter

Parameter = tuple[str, str]

_REPEATED: Final = {"status": "status", "workflow": "workflow", "model": "model", "tables": "table"}
"""Fields with several values, and the parameter that is repeated for each."""
_PAIRS: Final = {"tags": "tag", "min_scores": "min_score"}
"""Fields with values by name, and the parameter that is repeated for each pair."""


def query_parameters(query: RunFilter) -> list[Parameter]:
    """Return the query as parameters; what has its default is left out."""
    given: dict[str, Any] = query.model_dump(mode="json", exclude_defaults=True)
    parameters: list[Parameter] = []
    for name, value in given.items():
        if name in _PAIRS:
            parameters += [(_PAIRS[name], f"{key}={text}") for key, text in value.items()]
        elif name in _REPEATED:
            parameters += [(_REPEATED[name], str(item)) for item in value]
        else:
            parameters.append((name, text_of(value)))
    return parameters


def text_of(value: Any) -> str:
    """Return a value as a parameter has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
