"""What a page of the studio was drawn with, as Streamlit's own test harness sees it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from fastapi.testclient import TestClient
from streamlit.testing.v1 import AppTest
from tests.support.servers import wait_until

from secondtake.backend.api.app import create_app
from secondtake.backend.client import Client
from secondtake.runner import journal
from secondtake.runner.settings import load_settings
from secondtake.studio.app import SCRIPT

LOADED_WITHIN_S: Final = 30.0


@contextmanager
def api_client(home: Path) -> Iterator[Client]:
    """A client of the real API over the real store of a home, in this process."""
    app = create_app(load_settings({"home": home}))
    with TestClient(app, base_url="http://127.0.0.1:8000") as http:
        yield Client("http://127.0.0.1:8000", http=http)


def load(client: Client) -> None:
    """Wait until everything that was recorded is in the store."""
    journal.close_all()
    wait_until(
        lambda: client.health().pending_segments == 0, what="the loader", timeout_s=LOADED_WITHIN_S
    )


def studio(**query: str | list[str]) -> AppTest:
    """Return the studio at an address, drawn once."""
    app = AppTest.from_file(str(SCRIPT), default_timeout=30)
    for name, value in query.items():
        app.query_params[name] = value
    return checked(app.run())


def checked(app: AppTest) -> AppTest:
    """Return what was drawn; it must have been drawn without a fault."""
    assert not app.exception, [each.message for each in app.exception]
    return app


def component(app: AppTest, name: str) -> Any:
    """Return what a component was given to draw; None when it is not on the page."""
    for element in app.get("bidi_component"):
        proto: Any = element.proto
        if proto.component_name == f"secondtake.{name}":
            return json.loads(proto.json or "null")
    return None


def markup(app: AppTest) -> str:
    """Return all markup on the page, styles aside."""
    bodies = [element.proto.body for element in app.get("html")]
    return "\n".join(body for body in bodies if not body.startswith("<style"))
