"""Bodies of requests: the models of the services, ready when the first request comes.

A validator that is built at first use would make FastAPI warn in the middle of a request.
"""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import ConfigDict, Field

from secondtake.backend.models.base import Model
from secondtake.backend.models.comparisons import CompareRequest
from secondtake.backend.models.executions import AnswerRequest, RunRequest
from secondtake.backend.models.replays import ReplayRequest
from secondtake.backend.models.system import SqlQuery

RUN_IDS_MAX: Final = 10_000


def _at_once(title: str, *examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(defer_build=False, title=title, json_schema_extra={"examples": [*examples]})


class RunBody(RunRequest):
    """A run to be executed: either a `prompt`, or a `workflow` by its name."""

    model_config = _at_once(
        "RunRequest",
        {"prompt": "What is 17 * 23?", "user_id": "ada"},
        {
            "workflow": "research",
            "inputs": {"topic": "heat pumps"},
            "model": "sim/strong",
            "overrides": {"nodes.plan.model": "sim/weak"},
            "tags": {"team": "search"},
            "session_id": "s-1",
        },
    )


class CompareBody(CompareRequest):
    """Models to be compared on a `prompt`, or on a `workflow` by its name."""

    model_config = _at_once(
        "CompareRequest",
        {"prompt": "What is 17 * 23?", "models": ["sim/strong", "sim/weak"], "repeat": 3},
        {
            "workflow": "research",
            "models": ["openai/gpt-4o", "anthropic/claude-sonnet-4-5"],
            "cases": [{"topic": "heat pumps"}, {"topic": "insulation"}],
        },
    )


class ReplayBody(ReplayRequest):
    """A run to be executed again, with something different or as it was."""

    model_config = _at_once(
        "ReplayRequest",
        {"run_id": "last", "llm": "recorded", "tools": "recorded"},
        {
            "run_id": "019a9c5e-7b1d",
            "override_params": {"nodes.write.prompt": "Write it shorter. {{ notes }}"},
            "from_node": "write",
        },
    )


class AnswerBody(AnswerRequest):
    """A person's answer to the question of a human node."""

    model_config = _at_once("AnswerRequest", {"answer": "approve", "by": "ada"})


class SqlBody(SqlQuery):
    """One SELECT over the tables."""

    model_config = _at_once(
        "SqlQuery", {"text": "select model, sum(cost_usd) from llm_calls group by all"}
    )


class RunIds(Model):
    """Some runs."""

    model_config = _at_once("RunIds", {"run_ids": ["019a9c5e-7b1d-7c3e-9a51-0d2f6f1b8a01"]})

    run_ids: Annotated[list[UUID], Field(max_length=RUN_IDS_MAX)]
