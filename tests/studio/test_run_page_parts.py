"""What the right pane makes of odd messages: pictures, long talks, unknown prices, edited addresses."""

from decimal import Decimal

from tests.support.run_rows import Rows

from secondtake.backend.models.system import Blob
from secondtake.studio.components.pane import Act, read_act
from secondtake.studio.run_page.blobs import data_uri, picture_of
from secondtake.studio.run_page.conversation import conversation
from secondtake.studio.run_page.conversation_window import TURNS_MAX, end_of, start_of, window_of
from secondtake.studio.run_page.cost_lines import cost_sheet
from secondtake.studio.run_page.long_text import Place
from secondtake.studio.run_page.model_saw import model_saw
from secondtake.studio.run_page.page_state import state_of
from secondtake.studio.run_page.reading import Reading
from secondtake.studio.run_page.threads import conversations, number_calls

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def test_only_pictures_that_hold_their_bytes_are_shown() -> None:
    shown = picture_of({"type": "image_url", "image_url": {"url": PIXEL}})
    remote = picture_of({"type": "image_url", "image_url": {"url": "http://evil.example/a.png"}})
    drawing = picture_of({"image_url": {"url": "data:image/svg+xml;base64,PHN2Zz4="}})
    blob = picture_of({"image_url": {"url": {"$blob": "ab12", "bytes": 40_000}}})
    anthropic = picture_of(
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aWk="}}
    )

    assert shown is not None
    assert shown.uri == PIXEL
    assert remote is not None
    assert (remote.uri, remote.said) == (None, "not fetched: http://evil.example/a.png")
    assert drawing is not None
    assert drawing.uri is None
    assert blob is not None
    assert (blob.blob, blob.size_bytes) == ("ab12", 40_000)
    assert anthropic is not None
    assert anthropic.uri == "data:image/png;base64,aWk="
    assert picture_of({"type": "text", "text": "hello"}) is None


def test_a_blob_that_is_no_picture_is_not_shown() -> None:
    assert data_uri(Blob(media_type="image/png", content=b"ii")) == "data:image/png;base64,aWk="
    assert data_uri(Blob(media_type="text/html", content=b"<script>")) is None


def test_a_remote_picture_is_text() -> None:
    rows = Rows()
    remote = {"type": "image_url", "image_url": {"url": "http://evil.example/a.png"}}
    rows.say("user", "look", parts=[{"type": "text", "text": "look"}, remote])

    shown = str(conversation(Reading(view=rows.view())))

    assert "not fetched: http://evil.example/a.png" in shown
    assert "<img" not in shown


def test_reasoning_is_folded() -> None:
    rows = Rows()
    rows.say("assistant", "42", extra={"reasoning_content": "six times seven"})

    shown = str(conversation(Reading(view=rows.view())))

    assert "Reasoning · 15 characters" in shown
    assert "six times seven" in shown


def long_talk(turns: int) -> Rows:
    rows = Rows()
    last = None
    for number in range(turns):
        last = rows.say("user" if number % 2 == 0 else "assistant", f"turn {number}", after=last)
    return rows


def test_a_long_conversation_is_drawn_by_the_window() -> None:
    threads = conversations(long_talk(1000).detail()).threads
    turns = threads[0].turns

    first = window_of(threads, wanted=None, chosen=None)
    chosen = window_of(threads, wanted=None, chosen=turns[500].key)

    assert (first.first, first.last, first.left) == (0, TURNS_MAX, 1000 - TURNS_MAX)
    assert chosen.first <= 500 < chosen.last
    assert end_of(turns, 950) == 1000
    assert start_of(turns, TURNS_MAX) == 0
    assert [len(part) for _, part in chosen.parts(threads)] == [TURNS_MAX]


def test_what_the_reader_asked_for_gives_way_to_what_is_chosen() -> None:
    threads = conversations(long_talk(1000).detail()).threads
    turns = threads[0].turns

    kept = window_of(threads, wanted=(100, 300), chosen=turns[250].key)
    left = window_of(threads, wanted=(100, 300), chosen=turns[900].key)

    assert (kept.first, kept.last) == (100, 300)
    assert left.first <= 900 < left.last


def test_a_price_that_is_unknown_says_why() -> None:
    rows = Rows()
    rows.call(None, model="acme/new", input_tokens=5, output_tokens=1)
    rows.call(None, error_type="TimeoutError")
    rows.call(None, model="m", cost_usd=Decimal("0.000000003"),
              cost_details={"text_output": [1, "0.000000003", "0.000000003"]})  # fmt: skip
    detail = rows.detail(cost_usd=Decimal("0.000000003"), unpriced_calls=1)

    sheet = cost_sheet(detail, number_calls(detail.llm_calls))

    assert sheet.ties_out
    assert [line.why_unpriced for line in sheet.lines] == [
        "the price book has no price for acme/new",
        "it failed before it used anything",
        None,
    ]


def test_a_sum_that_does_not_tie_out_is_found() -> None:
    rows = Rows()
    rows.call(None, cost_usd=Decimal("0.02"), cost_details={"text_output": [1, "0.01", "0.01"]})
    detail = rows.detail(cost_usd=Decimal("0.02"))

    assert not cost_sheet(detail, number_calls(detail.llm_calls)).ties_out


def test_a_failed_call_says_what_the_provider_said() -> None:
    rows = Rows()
    user = rows.say("user", "Hello")
    rows.call(user, error_type="RateLimitError", error_message="slow down", http_status=429,
              error_class="rate_limit", retry_after_s=2.0, attempt=2)  # fmt: skip

    shown = str(model_saw(Reading(view=rows.view())))

    assert "attempt 2 · HTTP 429 · rate limit · Retry-After 2.00 s" in shown


def test_an_address_that_was_tampered_with_opens_the_run() -> None:
    state = state_of("abc", {"tab": "<script>", "left": "x", "step": "-1", "span": ""})

    assert state.address() == {"id": "abc"}


def test_the_address_says_all_that_was_chosen() -> None:
    query = {"id": "abc", "tab": "cost", "left": "graph", "span": "s-1", "step": "3"}

    assert state_of("abc", query).address() == query


def test_only_what_the_browser_may_say_is_heard() -> None:
    assert read_act({"act": {"name": "span", "value": "s"}}) == Act(name="span", value="s")
    assert read_act({"act": {"name": 1, "value": "s"}}) is None
    assert read_act({}) is None
    assert Place.unpacked('["messages", "m", "content", -1]') is None
    assert Place.unpacked("{") is None
