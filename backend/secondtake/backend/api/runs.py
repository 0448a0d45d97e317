"""Routes about recorded runs."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from secondtake.backend.api import examples
from secondtake.backend.api.bodies import RunIds
from secondtake.backend.api.dependencies import MaxChars, Store, StoredRun
from secondtake.backend.api.parameters import (
    RunParameters,
    StateParameters,
    StatisticsParameters,
    TextParameters,
)
from secondtake.backend.api.problems import documented
from secondtake.backend.models.base import Model
from secondtake.backend.models.runs import (
    RUN_PARTS,
    RunDetail,
    RunPage,
    RunPart,
    SpanTree,
    StateAt,
    TextPiece,
)
from secondtake.backend.models.statistics import RunFacets, RunStatistics
from secondtake.backend.models.workflows import RunGraph
from secondtake.backend.services import facets, graph, recordings, runs, state, statistics, texts

router = APIRouter(prefix="/runs", tags=["runs"], responses=documented(400, 403, 422, 500, 503))
_OF_A_RUN = documented(404, 409)


WantedParts = Annotated[
    list[Literal["summary"] | RunPart] | None,
    Query(
        description="Send these lists of rows and leave the others empty; repeat it. The summary "
        "always comes."
    ),
]


class RunId(Model):
    """The run that a name means."""

    run_id: UUID


@router.get("", summary="List runs, newest first", responses=examples.answers(examples.PAGE))
def get_runs(con: Store, parameters: Annotated[RunParameters, Query()]) -> RunPage:
    """Return the runs that fit. Pages are cut by key, so runs that arrive meanwhile move none."""
    return runs.list_runs(con, parameters.query())


@router.get(
    "/statistics",
    summary="Add up the runs that fit",
    responses=examples.answers(examples.STATISTICS),
)
def get_statistics(
    con: Store, parameters: Annotated[StatisticsParameters, Query()]
) -> RunStatistics:
    """Return what the runs that fit add up to, and how that went over time."""
    return statistics.run_statistics(con, parameters.query())


@router.get(
    "/facets",
    summary="List what there is to filter runs by",
    responses=examples.answers(examples.FACETS),
)
def get_facets(con: Store) -> RunFacets:
    """Return workflows, models, sessions, users, tags and statuses with their numbers of runs."""
    return facets.run_facets(con)


@router.post(
    "/whole",
    summary="Tell which runs are stored with their end",
    responses={**documented(413, 415), **examples.answers(examples.IDS)},
)
def post_whole_runs(con: Store, wanted: RunIds) -> RunIds:
    """Return those of the runs that the store has with their end."""
    return RunIds(run_ids=sorted(runs.whole_runs(con, wanted.run_ids)))


@router.get(
    "/{run}",
    summary="Get one run whole",
    response_model=RunDetail,
    responses={**_OF_A_RUN, **examples.answers(examples.DETAIL)},
)
def get_run(
    con: Store, run: StoredRun, max_chars: MaxChars = None, parts: WantedParts = None
) -> Response:
    """Return a run and every row of it, or of the lists that `parts` names."""
    wanted: list[RunPart] | None = None
    if parts is not None:
        wanted = [part for part in RUN_PARTS if part in parts]
    return _json(runs.get_run_as_json(con, run, max_chars=max_chars, parts=wanted))


@router.get(
    "/{run}/id",
    summary="Resolve the name of a run",
    responses={**_OF_A_RUN, **examples.answers(examples.ID)},
)
def get_run_id(con: Store, run: StoredRun) -> RunId:
    """Return the run that an id, a prefix or `last` means."""
    return RunId(run_id=runs.resolve_run(con, run))


@router.get(
    "/{run}/recording",
    summary="Get the events of a run as a file",
    response_class=Response,
    responses={**_OF_A_RUN, **examples.answers(examples.RECORDING)},
)
def get_recording(con: Store, run: StoredRun) -> Response:
    """Return every event of the run, as it was recorded: what a replay takes."""
    recording = recordings.get_recording(con, run)
    headers = {"Content-Disposition": f'attachment; filename="{recording.run_id}.json"'}
    return Response(recording.to_json(), media_type="application/json", headers=headers)


@router.get(
    "/{run}/spans",
    summary="Get the spans of a run as a tree",
    response_model=SpanTree,
    responses={**_OF_A_RUN, **examples.answers(examples.SPANS)},
)
def get_spans(con: Store, run: StoredRun) -> Response:
    """Return the spans, each before its children, with sums of what is below each."""
    return _json(runs.run_spans_as_json(con, run))


@router.get(
    "/{run}/graph",
    summary="Get the graph of a run",
    responses={**_OF_A_RUN, **examples.answers(examples.GRAPH)},
)
def get_graph(con: Store, run: StoredRun) -> RunGraph:
    """Return the nodes and edges of the workflow, with what was taken of them."""
    return graph.run_graph(con, run)


@router.get(
    "/{run}/state",
    summary="Get the state of a run after a step",
    responses={**_OF_A_RUN, **examples.answers(examples.STATE)},
)
def get_state(
    con: Store, run: StoredRun, parameters: Annotated[StateParameters, Query()]
) -> StateAt:
    """Return the state at the end of the run, or after a step."""
    return state.fold_state(con, parameters.query(run))


@router.get(
    "/{run}/text",
    summary="Get a piece of a long text",
    responses={**_OF_A_RUN, **examples.answers(examples.PIECE)},
)
def get_text(
    con: Store, run: StoredRun, parameters: Annotated[TextParameters, Query()]
) -> TextPiece:
    """Return a piece of a text that was clipped."""
    return texts.read_text(con, parameters.query(run))


def _json(text: bytes) -> Response:
    """Return an answer that is JSON already: nothing checks or writes it a second time."""
    return Response(text, media_type="application/json")
