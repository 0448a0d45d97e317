"""What a page of the studio was drawn with, as Streamlit's own test harness sees it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from fastapi.testclient import TestClient
from streamlit.testing.v1 import AppTest
from tests.support.servers import wait_until
from tests.support.spare_workers import no_spare_worker

from secondtake.backend.api.app import create_app
from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError
from secondtake.runner import journal
from secondtake.runner.settings import load_settings
from secondtake.studio.app import SCRIPT

LOADED_WITHIN_S: Final = 30.0
PANE: Final = "secondtake.pane"


@contextmanager
def api_in_process(home: Path) -> Iterator[TestClient]:
    """The real API over the real store of a home, in this process."""
    app = create_app(load_settings({"home": home}))
    with no_spare_worker(), TestClient(app, base_url="http://127.0.0.1:8000") as http:
        yield http


@contextmanager
def api_client(home: Path) -> Iterator[Client]:
    """A client of the real API over the real store of a home, in this process."""
    with api_in_process(home) as http:
        yield Client("http://127.0.0.1:8000", http=http)


class Away:
    """A client whose server does not answer."""

    url = "http://127.0.0.1:9"

    def __getattr__(self, name: str) -> Any:
        """Fail, whatever is asked.

        Raises:
            NoServerError: always.
        """
        raise NoServerError("No server answers.")


def load(client: Client) -> None:
    """Wait until everything that was recorded is in the store."""
    journal.close_all()
    wait_until(
        lambda: client.health().pending_segments == 0, what="the loader", timeout_s=LOADED_WITHIN_S
    )


def studio(**query: str | list[str]) -> AppTest:
    """Return the studio at an address, drawn once."""
    return _drawn(AppTest.from_file(str(SCRIPT), default_timeout=30), query)


def drawn(script: Callable[[], None], **query: str | list[str]) -> AppTest:
    """Return what a script draws at an address; only the lines of the script are executed."""
    return _drawn(AppTest.from_function(script, default_timeout=30), query)


def _drawn(app: AppTest, query: dict[str, str | list[str]]) -> AppTest:
    for name, value in query.items():
        app.query_params[name] = value
    return checked(app.run())


def checked(app: AppTest) -> AppTest:
    """Return what was drawn; it must have been drawn without a fault."""
    assert not app.exception, [each.message for each in app.exception]
    return app


def component(app: AppTest, name: str) -> Any:
    """Return what a component was given to draw; None when it is not on the page."""
    given = components(app).get(f"secondtake.{name}")
    return None if given is None else given[0]


def components(app: AppTest) -> dict[str, list[Any]]:
    """Return what each component of the page was given, by its name."""
    found: dict[str, list[Any]] = {}
    for element in app.get("bidi_component"):
        proto: Any = element.proto
        found.setdefault(proto.component_name, []).append(json.loads(proto.json or "null"))
    return found


def markup(app: AppTest) -> str:
    """Return all markup on the page, styles and panes aside."""
    bodies = [element.proto.body for element in app.get("html")]
    return "\n".join(body for body in bodies if not body.startswith("<style"))


def all_markup(app: AppTest) -> str:
    """Return all markup on the page and in its panes, styles aside."""
    panes = [pane["html"] for pane in components(app).get(PANE, [])]
    return "\n".join([*panes, markup(app)])
