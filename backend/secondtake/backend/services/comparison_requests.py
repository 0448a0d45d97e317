"""A comparison that was asked for, as the requests of its runs."""

from secondtake.backend.models.comparisons import CompareRequest
from secondtake.backend.models.executions import PlacedRunRequest
from secondtake.runner.errors import UsageError


def planned_requests(request: CompareRequest) -> tuple[str, list[PlacedRunRequest]]:
    """Return the id of a comparison, and what each of its runs is asked for with.

    Raises:
        UsageError: a model is named twice, or cases go with a prompt.
    """
    from secondtake.runner.comparing import Case, ComparisonPlan, check_models

    if request.prompt is not None and request.cases:
        raise UsageError("`cases` goes with a `workflow`, not with a `prompt`.")
    given = request.cases or ({},)
    plan = ComparisonPlan(
        models=check_models(request.models), case_count=len(given), repeats=request.repeat
    )
    cases = (
        Case(case_id=str(number), inputs={**request.inputs, **inputs})
        for number, inputs in enumerate(given, start=1)
    )
    about = request.model_dump(include={"prompt", "workflow", "tools", "overrides", "tags"})
    requests = [
        PlacedRunRequest(
            **about,
            session_id=request.session_id,
            user_id=request.user_id,
            inputs=dict(run.case.inputs),
            model=run.model,
            place=run.place,
        )
        for run in plan.runs(cases)
    ]
    return plan.experiment_id, requests
