"""The web tools against a real server on this computer, which the settings allow by its network."""

import http.server
import ipaddress
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from secondtake.runner.errors import ToolError
from secondtake.runner.tools import web
from secondtake.runner.tools.web import Rules, get_page, is_allowed
from secondtake.runner.tools.web_tools import WebTools

PAGE = """<html><head><title>Heat &amp; pumps</title><style>p{}</style></head><body>
<script>alert(1)</script><h1>One</h1><p>Two <b>three</b> &lt;b&gt;</p><ul><li>a<li>b</ul></body>"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        seen: list[tuple[str, dict[str, str]]] = self.server.seen  # type: ignore[attr-defined]
        seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        name = self.path.partition("?")[0]
        if name == "/page":
            self._answer(PAGE.encode(), kind="text/html; charset=utf-8")
        elif name == "/big":
            self._answer(b"x" * 3_000_000)
        elif name == "/drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(200):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.02)
        elif name == "/zip":
            self._answer(b"\x1f\x8b", encoding="gzip")
        elif name == "/binary":
            self._answer(b"\0\1", kind="image/png")
        elif name.startswith("/to/"):
            self._answer(b"", status=302, location=name.removeprefix("/to/").replace("|", "/"))
        elif name == "/search":
            results = [{"title": "T", "url": "http://x", "content": "words"}] * 3
            self._answer(json.dumps({"results": results}).encode(), kind="application/json")
        else:
            self._answer(b"no", status=404)

    def _answer(
        self, body: bytes, status: int = 200, kind: str = "text/plain", **more: str
    ) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        if "location" in more:
            self.send_header("location", more["location"])
        if "encoding" in more:
            self.send_header("content-encoding", more["encoding"])
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Any]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def url(server: Any) -> str:
    return f"http://localhost:{server.server_port}"


@pytest.fixture
def rules(server: Any) -> Rules:
    loopback = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
    port = server.server_port
    return Rules(hosts=(f"localhost:{port}", f"127.0.0.1:{port}"), networks=loopback)


@pytest.fixture
def tools(rules: Rules) -> WebTools:
    return WebTools(hosts=rules.hosts, networks=("127.0.0.0/8", "::1/128"), search_url="")


def test_a_page_is_read_as_it_is_and_as_text(tools: WebTools, url: str) -> None:
    assert tools.http_get(f"{url}/page")["text"] == PAGE
    found = tools.fetch_text(f"{url}/page")
    assert (found["title"], found["status"]) == ("Heat & pumps", 200)
    assert found["text"] == "One\nTwo three <b>\na\nb"
    assert tools.http_get(f"{url}/nothing")["status"] == 404


def test_the_server_sees_the_name_and_nothing_of_the_environment(
    tools: WebTools, url: str, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    tools.http_get(f"{url}/page?a=1#part")
    ((path, headers),) = server.seen
    assert path == "/page?a=1"
    assert headers["host"] == url.removeprefix("http://")
    assert headers["user-agent"] == "secondtake"
    assert set(headers) == {"host", "user-agent", "accept-encoding", "accept", "connection"}


def test_more_than_is_taken_is_said(tools: WebTools, url: str) -> None:
    found = tools.http_get(f"{url}/big")
    assert (len(found["text"]), found["more"]) == (50_000, True)


def test_a_server_that_drips_is_left(
    tools: WebTools, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "TIMEOUT_S", 0.3)
    with pytest.raises(ToolError, match="takes longer than"):
        tools.http_get(f"{url}/drip")


@pytest.mark.parametrize(("path", "reason"), [("/zip", "compressed"), ("/binary", "is no text")])
def test_what_cannot_be_read_is_a_sentence(
    tools: WebTools, url: str, path: str, reason: str
) -> None:
    with pytest.raises(ToolError, match=reason):
        tools.http_get(url + path)


def test_redirects_are_followed_and_each_is_checked(
    tools: WebTools, rules: Rules, url: str, server: Any
) -> None:
    assert tools.http_get(f"{url}/to/|page")["url"] == f"{url}/page"
    with pytest.raises(ToolError, match=r"example\.org may not be asked"):
        tools.http_get(f"{url}/to/http:||example.org|")
    with pytest.raises(ToolError, match="no http or https address"):
        tools.http_get(f"{url}/to/file:|||etc|passwd")
    with pytest.raises(ToolError, match="redirects more than 5 times"):
        tools.http_get(f"{url}/to/|to||to||to||to||to||to||page".replace("||", "|to|"))
    closed = Rules(hosts=rules.hosts, networks=(ipaddress.ip_network("::1/128"),))
    before = len(server.seen)
    with pytest.raises(ToolError, match="is not a public one"):
        get_page(f"http://127.0.0.1:{server.server_port}/page", closed)
    assert len(server.seen) == before


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://",
        "//example.org",
        "http://user:pass@example.org/",
        "http://example.org:99999/",
        "http://[::1",
        "javascript:alert(1)",
        "",
    ],
)
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(ToolError):
        get_page(url, Rules(hosts=("*",)))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://[fe80::1]/",
    ],
)
def test_a_private_address_is_never_asked_however_it_is_written(url: str) -> None:
    with pytest.raises(ToolError, match=r"not a public one|no host"):
        get_page(url, Rules(hosts=("*",)))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d70e", True),
        ("2002:7f00:1::", False),
        ("::ffff:10.0.0.1", False),
        ("::", False),
        ("fc00::1", False),
    ],
)
def test_an_address_that_stands_for_another_is_judged_by_that(address: str, allowed: bool) -> None:
    assert is_allowed(ipaddress.ip_address(address), ()) is allowed


def test_the_checked_address_is_the_one_that_is_asked(
    rules: Rules, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers with another address the second time: it is asked once."""
    asked: list[Any] = []
    real = socket.getaddrinfo

    def once(host: Any, *args: Any, **options: Any) -> Any:
        if host == "localhost":
            asked.append(host)
            assert len(asked) == 1, "the name was looked up again"
        return real(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    only_4 = Rules(hosts=rules.hosts, networks=rules.networks)
    assert get_page(url.replace("localhost", "127.0.0.1") + "/page", only_4).status == 200
    assert asked == []
    assert get_page(f"{url}/page", only_4).status == 200


def test_nothing_is_asked_without_a_setting() -> None:
    tools = WebTools(hosts=(), networks=(), search_url="")
    with pytest.raises(ToolError, match=r'\[tools\] allowed_hosts = \["example.org"\]'):
        tools.http_get("https://example.org/")
    with pytest.raises(ToolError, match="No search engine is configured"):
        tools.web_search("heat pumps")
    with pytest.raises(ToolError, match="allowed_networks"):
        WebTools(hosts=("*",), networks=("nonsense",), search_url="").http_get("http://x/")


def test_a_search_engine_of_the_users_own_is_asked(
    url: str, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = WebTools(hosts=(), networks=(), search_url=f"{url}/search?format=json&q={{query}}")
    assert (
        tools.web_search("a & b", limit=2)
        == [{"title": "T", "url": "http://x", "text": "words"}] * 2
    )
    assert server.seen[0][0] == "/search?format=json&q=a%20%26%20b"
    with pytest.raises(ToolError, match="does not answer with JSON"):
        WebTools(hosts=(), networks=(), search_url=f"{url}/page?{{query}}").web_search("x")
    with pytest.raises(ToolError, match="answers 404"):
        WebTools(hosts=(), networks=(), search_url=f"{url}/x?{{query}}").web_search("x")
    monkeypatch.delenv("BRAVE_API_KEY", raising=False)
    with pytest.raises(ToolError, match="needs a key in BRAVE_API_KEY"):
        WebTools(hosts=(), networks=(), search_url="brave").web_search("x")
