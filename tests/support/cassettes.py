"""Reads recorded HTTP exchanges (VCR cassettes) as the bytes that went over the wire."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DROPPED_HEADERS = frozenset(
    {"connection", "content-length", "keep-alive", "set-cookie", "transfer-encoding"}
)
"""What describes the recorded connection and not the answer."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One recorded request and its answer."""

    method: str
    uri: str
    request: Mapping[str, Any]
    """The JSON body that was sent; {} when it was none."""
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    """As it went over the wire: still compressed where `content-encoding` says so."""

    @property
    def host(self) -> str:
        return urlsplit(self.uri).netloc

    @property
    def path(self) -> str:
        return urlsplit(self.uri).path

    @property
    def is_stream(self) -> bool:
        return is_event_stream(self.headers, self.body)


def is_event_stream(headers: tuple[tuple[str, str], ...], body: bytes) -> bool:
    """Return whether a body is server-sent events; some recorders kept no headers."""
    kind = dict(headers).get("content-type", "")
    return kind.startswith("text/event-stream") or body.startswith((b"data:", b"event:"))


@cache
def read_cassette(path: Path) -> tuple[Exchange, ...]:
    """Return the exchanges of one cassette, in the order in which they were recorded."""
    from ruamel.yaml import YAML

    document = YAML(typ="safe").load(path)
    return tuple(_exchange(item) for item in document["interactions"])


def _exchange(item: Mapping[str, Any]) -> Exchange:
    request, response = item["request"], item["response"]
    body = _body(response)
    headers = {
        name.lower(): values[0] if isinstance(values, list) else str(values)
        for name, values in (response.get("headers") or {}).items()
        if values and name.lower() not in DROPPED_HEADERS
    }
    # Some recorders kept the header of a body that they had already decompressed.
    if not body.startswith(b"\x1f\x8b"):
        headers.pop("content-encoding", None)
    return Exchange(
        method=request["method"],
        uri=request["uri"],
        request=_request_json(request),
        status=response["status"]["code"],
        headers=tuple(headers.items()),
        body=body,
    )


def _body(response: Mapping[str, Any]) -> bytes:
    if "parsed_body" in response:
        return json.dumps(response["parsed_body"], ensure_ascii=False).encode()
    body = response.get("body")
    text = body.get("string", b"") if isinstance(body, Mapping) else body
    if isinstance(text, bytes):
        return text
    return (text or "").encode()


def _request_json(request: Mapping[str, Any]) -> Mapping[str, Any]:
    if "parsed_body" in request:
        return request["parsed_body"] or {}
    body = request.get("body")
    if not body:
        return {}
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
