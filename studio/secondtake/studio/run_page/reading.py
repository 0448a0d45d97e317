"""How one reader looks at one run: what is chosen, opened and unfolded."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from secondtake.backend.models.records import NodeTiming
from secondtake.backend.models.runs import TextPiece
from secondtake.studio.run_page.data import RunView
from secondtake.studio.run_page.long_text import Pieces, Place
from secondtake.studio.run_page.node_names import name_of_path, number_branches


def no_picture(sha256: str) -> str | None:
    """Return no picture: for readings that have no backend to ask."""
    return None


def no_parts(message_id: UUID) -> list[Any]:
    """Return no parts: for readings that have no backend to ask."""
    return []


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the parts of the right pane need to draw themselves."""

    view: RunView
    span_id: str | None = None
    """The span that is chosen."""
    pieces: Pieces = field(default_factory=dict[Place, TextPiece])
    """Of long texts, those that were asked for."""
    picture: Callable[[str], str | None] = no_picture
    """Gives the picture with a sha256 as an address that holds it."""
    parts: Callable[[UUID], list[Any]] = no_parts
    """Gives all parts of a message of which only the beginning came with the run."""
    opened: frozenset[str] = frozenset()
    """Keys of what was unfolded and is sent only then."""
    window: tuple[int, int] | None = None
    """The turns of the conversation that the reader asked for: the first, and the end."""

    @property
    def turn(self) -> str | None:
        """Key of the turn that the chosen span is in."""
        return self._place[0]

    @property
    def use(self) -> str | None:
        """Key of the tool call that the chosen span is."""
        return self._place[1]

    @property
    def is_simulated(self) -> bool:
        """Prices of this run are no money."""
        return bool(self.view.detail.summary.simulated)

    def name_of(self, node_path: str | None) -> str:
        """Return where something happened, in words."""
        return name_of_path(node_path, self._branches)

    def node(self, span_id: str | None) -> NodeTiming | None:
        """Return the node with this span."""
        nodes = self.view.detail.node_timings
        return next((node for node in nodes if node.span_id == span_id), None)

    @cached_property
    def _branches(self) -> dict[str, str]:
        return number_branches(self.view.detail.node_timings)

    @property
    def _place(self) -> tuple[str | None, str | None]:
        nowhere = (None, None)
        return self.view.conversations.places.get(self.span_id or "", nowhere)
