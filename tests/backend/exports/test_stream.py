"""The stream of an export, as a client takes it from a server."""

import httpx2
import pytest

from secondtake.backend.client import Client
from secondtake.backend.client.exported import lines_of
from secondtake.backend.errors import NoServerError
from secondtake.backend.models.exports import ExportQuery


def answering(response: httpx2.Response) -> Client:
    transport = httpx2.MockTransport(lambda request: response)
    http = httpx2.Client(base_url="http://127.0.0.1:9", transport=transport)
    return Client("http://127.0.0.1:9", http=http)


def test_lines_are_put_together_from_pieces_at_line_feeds_alone() -> None:
    text = "é\u2028\x85\n\nlast"
    data = f"{text}\n".encode()
    for size in (1, 2, 3, 100):
        pieces = [data[i : i + size] for i in range(0, len(data), size)]
        assert list(lines_of(pieces)) == ["é\u2028\x85", "", "last"]


def test_a_line_that_was_cut_is_none() -> None:
    assert list(lines_of([b"whole\n", b"cu"])) == ["whole"]


def test_a_stream_with_too_few_runs_is_an_error() -> None:
    client = answering(httpx2.Response(200, headers={"X-Run-Count": "3"}, content=b"{}\n{}\n"))
    runs = client.export_runs(ExportQuery())
    assert [next(runs).total, next(runs).total] == [3, 3]
    with pytest.raises(NoServerError, match="ended after 2 of 3 runs; export again"):
        next(runs)


def test_an_answer_without_a_number_of_runs_is_none_of_ours() -> None:
    with pytest.raises(NoServerError, match="no server of Second Take"):
        list(answering(httpx2.Response(200, content=b"hello")).export_runs(ExportQuery()))
