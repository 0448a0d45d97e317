"""What promptfoo's assertions said of an answer, as scores."""

from collections.abc import Mapping
from typing import Any, Final

from secondtake.backend.importers.builder import RunBuilder
from secondtake.backend.importers.scalars import number_of, text_of
from secondtake.runner.narrow import is_list, is_object

SCORER: Final = "promptfoo"
OVERALL: Final = "score"


def add_scores(result: Mapping[str, Any], builder: RunBuilder) -> None:
    """Add the overall score, each named score, and each assertion under its metric or its type.

    The scorer of an assertion holds its place: a test may have several of one type.
    """
    grading: Mapping[str, Any] = result.get("gradingResult") or {}
    if result.get("score") is not None:
        _add(OVERALL, result["score"], SCORER, result["success"], grading.get("reason"), builder)
    named: Mapping[str, Any] = result.get("namedScores") or {}
    for name, value in named.items():
        if name.strip():
            _add(name, value, f"{SCORER} named score", None, None, builder)
    components = grading.get("componentResults")
    for place, component in enumerate(components if is_list(components) else []):
        if is_object(component):
            assertion = component.get("assertion")
            known: Mapping[str, Any] = assertion if is_object(assertion) else {}
            name = text_of(known.get("metric")) or text_of(known.get("type")) or "assertion"
            scorer = f"{SCORER} assertion {place}"
            said = component.get("score"), scorer, component.get("pass"), component.get("reason")
            _add(name, *said, builder)


def _add(name: str, value: Any, scorer: str, passed: Any, reason: Any, builder: RunBuilder) -> None:
    number = number_of(value)
    builder.score(
        name=name,
        value=number,
        scorer=scorer,
        raw=value if number is None else None,
        label=("pass" if passed else "fail") if isinstance(passed, bool) else None,
        reason=text_of(reason),
    )
