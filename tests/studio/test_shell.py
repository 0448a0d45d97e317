"""The frame: headers, options, going to a run, and the word when the server is away."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from tests.support.servers import free_port
from tests.support.stored import write_run
from tests.support.studio_pages import api_client, component, load, markup, studio

from secondtake.backend.client import Client
from secondtake.studio import connection
from secondtake.studio.__main__ import main
from secondtake.studio.app import server_options
from secondtake.studio.connection import DEFAULT_URL, SERVER_VARIABLE, server_url
from secondtake.studio.policy import ContentPolicy, Fonts, content_policy
from secondtake.studio.theme.fonts import FONTS


@pytest.fixture
def client(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The studio's client, over the real API and store."""
    with api_client(home) as made:
        monkeypatch.setattr(connection, "_client", lambda url: made)
        monkeypatch.setenv(SERVER_VARIABLE, made.url)
        yield made


@pytest.fixture
def site() -> TestClient:
    """An application behind the studio's own middleware."""

    def page(request: object) -> HTMLResponse:
        return HTMLResponse("<p>page</p>")

    routes = [Route("/{path:path}", page)]
    app = Starlette(routes=routes, middleware=[Middleware(ContentPolicy), Middleware(Fonts)])
    return TestClient(app, base_url="http://127.0.0.1:8501")


def test_every_answer_says_what_a_page_may_load(site: TestClient) -> None:
    headers = site.get("/run?id=x").headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))

    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self' ws://127.0.0.1:8501 wss://127.0.0.1:8501"
    assert policy["script-src"] == "'self' 'unsafe-inline' blob: data:"
    assert policy["img-src"] == "'self' data: blob:"
    assert policy["frame-ancestors"] == "'none'"
    assert all("http" not in sources and "*" not in sources for sources in policy.values())
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["link"].startswith("</fonts/inter.ttf>; rel=preload")


@pytest.mark.parametrize("host", ["evil;script-src *", "a b", "", "x'unsafe", "[::1", "a,b", None])
def test_a_strange_host_adds_nothing_to_the_policy(host: str | None) -> None:
    assert content_policy(host).endswith("; connect-src 'self'")


def test_fonts_are_served_from_here_and_kept_by_the_browser(site: TestClient) -> None:
    for font in FONTS:
        answer = site.get(font.address, headers={"accept-encoding": "gzip"})
        assert answer.headers["content-type"] == "font/ttf"
        assert "immutable" in answer.headers["cache-control"]
        assert "content-encoding" not in answer.headers
        assert len(answer.content) > 100_000
    assert site.get("/fonts/other.ttf").text == "<p>page</p>"
    assert site.get("/fonts/../policy.py").text == "<p>page</p>"


def test_the_server_is_closed_to_others_and_silent() -> None:
    options = server_options(host="127.0.0.1", port=8501)
    assert options["server.address"] == "127.0.0.1"
    assert options["server.allowedHosts"] == ["localhost", "127.0.0.1", "[::1]"]
    assert options["server.enableXsrfProtection"] is True
    assert options["server.enableCORS"] is True
    assert options["browser.gatherUsageStats"] is False
    assert options["server.fileWatcherType"] == "none"
    assert options["client.toolbarMode"] == "minimal"
    assert options["client.showErrorDetails"] == "none"


def test_the_command_says_what_it_takes() -> None:
    told = CliRunner().invoke(main, ["--help"]).output
    assert all(option in told for option in ("--host", "--port", "--server-url", "--allow-host"))


def test_the_server_is_where_the_studio_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVER_VARIABLE, "http://127.0.0.1:9")
    assert server_url() == "http://127.0.0.1:9"


def test_without_a_word_the_server_is_where_it_usually_is(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SERVER_VARIABLE, raising=False)
    assert server_url() == DEFAULT_URL


def test_a_server_that_is_away_is_one_sentence_with_the_cure(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv(SERVER_VARIABLE, url)

    app = studio()

    assert "The server does not answer" in markup(app)
    assert f"Nothing answers at {url}." in markup(app)
    assert "<code>secondtake up</code>" in markup(app)
    assert [button.label for button in app.button] == ["Retry"]
    assert component(app, "run_table") is None


def test_retry_shows_the_page_when_the_server_is_back(
    home: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(home)
    load(client)
    away = Client(f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(connection, "_client", lambda url: away)
    app = studio()
    assert component(app, "run_table") is None

    monkeypatch.setattr(connection, "_client", lambda url: client)
    app.button(key="away_retry").click().run()

    assert len(component(app, "run_table")["rows"]) == 1
    assert "does not answer" not in markup(app)


def test_navigation_shows_only_pages_that_exist(home: Path, client: Client) -> None:
    app = studio()
    links = [element.proto.label for element in app.get("page_link")]
    assert links == ["Runs", "Replay", "Diff", "Compare models"]
