"""The tools `http_get`, `fetch_text` and `web_search`."""

import json
import os
from html.parser import HTMLParser
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

from pydantic import Field

from secondtake.runner.errors import ToolError
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.tools.files import MAX_CHARACTERS
from secondtake.runner.tools.web import Page, Rules, get_page, parse_networks

MAX_RESULTS: Final = 20
MAX_QUERY: Final = 500
BRAVE_URL: Final = "https://api.search.brave.com/res/v1/web/search?q={query}"
BRAVE_KEY: Final = "BRAVE_API_KEY"
_SILENT: Final = frozenset({"script", "style", "template", "noscript", "svg"})
_BLOCKS: Final = frozenset(
    {"address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figure",
     "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav",
     "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul"}
)  # fmt: skip


class WebTools:
    """Reads the hosts that the settings allow."""

    def __init__(
        self, *, hosts: tuple[str, ...], networks: tuple[str, ...], search_url: str
    ) -> None:
        """Make the tools.

        Args:
            hosts: that may be asked, see `web.Rules`.
            networks: of addresses that are not public and may be asked all the same.
            search_url: `brave`, or the address of a SearXNG with `{query}` in it; empty: no search.
        """
        self._hosts = hosts
        self._networks = networks
        self._search_url = search_url

    def http_get(self, url: str) -> dict[str, Any]:
        """Get an address and return the status and the text as it came.

        Args:
            url: An http or https address.
        """
        page = self._page(url)
        return _told(page) | {"content_type": page.content_type, **_cut(page.text, page)}

    def fetch_text(self, url: str) -> dict[str, Any]:
        """Get a web page and return its title and its text without markup.

        Args:
            url: An http or https address.
        """
        page = self._page(url)
        if "html" not in page.content_type:
            return _told(page) | _cut(page.text, page)
        reader = _TextReader()
        reader.feed(page.text)
        reader.close()
        return _told(page) | {"title": reader.title or None, **_cut(reader.text, page)}

    def web_search(
        self,
        query: Annotated[str, Field(min_length=1, max_length=MAX_QUERY)],
        limit: Annotated[int, Field(ge=1, le=MAX_RESULTS)] = 5,
    ) -> list[dict[str, Any]]:
        """Search the web; returns title, address and a few words of each result.

        Args:
            query: What to look for.
            limit: How many results to return.
        """
        url, headers = self._engine()
        address = url.replace("{query}", quote(query, safe=""))
        # The user named the engine, so it may be in his own network.
        host = urlsplit(address).netloc
        everywhere = parse_networks(("0.0.0.0/0", "::/0"))
        page = get_page(address, Rules(hosts=(host,), networks=everywhere), headers)
        if page.status != 200:
            raise ToolError(f"The search engine answers {page.status}: {page.text[:200]}")
        return [_result(item) for item in _results(page.text)[:limit]]

    def _page(self, url: str) -> Page:
        rules = Rules(hosts=self._hosts, networks=parse_networks(self._networks))
        return get_page(url, rules)

    def _engine(self) -> tuple[str, dict[str, str]]:
        if self._search_url == "brave":
            key = os.environ.get(BRAVE_KEY)
            if not key:
                raise ToolError(f"The search engine Brave needs a key in {BRAVE_KEY}.")
            return BRAVE_URL, {"X-Subscription-Token": key, "Accept": "application/json"}
        if "{query}" not in self._search_url:
            raise ToolError(
                "No search engine is configured; the user can name one in secondtake.toml: [tools] "
                'search_url = "http://localhost:8888/search?format=json&q={query}", or "brave".'
            )
        return self._search_url, {"Accept": "application/json"}


def _told(page: Page) -> dict[str, Any]:
    return {"url": page.url, "status": page.status}


def _cut(text: str, page: Page) -> dict[str, Any]:
    return {"text": text[:MAX_CHARACTERS], "more": page.is_cut or len(text) > MAX_CHARACTERS}


def _results(text: str) -> list[Any]:
    """Return the results of SearXNG (`results`) or Brave (`web.results`)."""
    try:
        value: Any = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise ToolError("The search engine does not answer with JSON; tell the user.") from None
    inner: Any = value.get("web", value) if is_object(value) else None
    found: Any = inner.get("results") if is_object(inner) else None
    if not is_list(found):
        raise ToolError("The search engine's answer has no results in it; tell the user.")
    return found


def _result(item: Any) -> dict[str, Any]:
    told: dict[str, Any] = item if is_object(item) else {}
    words = told.get("content") or told.get("description") or ""
    return {"title": told.get("title"), "url": told.get("url"), "text": str(words)[:500]}


class _TextReader(HTMLParser):
    """Collects what a person would read of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._pieces: list[str] = []
        self._silent: list[str] = []
        self._in_title = False

    @property
    def text(self) -> str:
        lines = (" ".join(line.split()) for line in "".join(self._pieces).splitlines())
        return "\n".join(line for line in lines if line)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_title = tag == "title" and not self.title
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag in _BLOCKS:
            self._pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
        if tag in self._silent:
            while self._silent.pop() != tag:
                pass
        elif tag in _BLOCKS:
            self._pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += " ".join(data.split())
        elif not self._silent:
            self._pieces.append(data)
