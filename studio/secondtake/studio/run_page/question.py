"""The question that a run waits with, and the way back to it."""

from functools import partial
from typing import Final

from secondtake.backend.client import Client
from secondtake.backend.errors import SecondTakeError
from secondtake.backend.models.executions import AnswerRequest
from secondtake.studio.components.choices import ask
from secondtake.studio.run_page.data import RunView
from secondtake.studio.run_page.json_text import name_line
from secondtake.studio.run_page.page_state import PageState
from secondtake.studio.run_page.person import choices_of, question_of

QUESTION_CHARS: Final = 20_000


def show_questions(client: Client, view: RunView, state: PageState) -> None:
    """Show each question that the run waits with; nothing when it does not wait."""
    for node in view.questions:
        ask(
            (question_of(node.question) or "")[:QUESTION_CHARS],
            choices_of(node.question),
            where=name_line(node.node or ""),
            note=state.notice,
            key=f"ask-{node.span_id}",
            on_answer=partial(_answer, client, view.run_id, state, node.span_id),
        )


def _answer(client: Client, run_id: str, state: PageState, span_id: str, text: str) -> None:
    request = AnswerRequest(answer=text, span_id=span_id)
    try:
        state.tell(client.answer_run(run_id, request).detail)
    except SecondTakeError as error:
        state.tell(str(error), is_bad=True)
