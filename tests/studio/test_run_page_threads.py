"""Messages become conversations: branches, edited histories, tools that no model asked for."""

from pathlib import Path

from tests.support.run_rows import Rows, asking

from secondtake.backend.local import LocalBackend
from secondtake.backend.models.runs import RunQuery
from secondtake.runner.settings import load_settings
from secondtake.studio.run_page.sight import sight_at
from secondtake.studio.run_page.threads import Conversations, Thread, conversations


def said(thread: Thread) -> list[str | None]:
    return [turn.message.content for turn in thread.turns if turn.message is not None]


def sight(rows: Rows, number: int) -> tuple[int | None, int, int, int]:
    """Return the call before, and how many messages were seen, removed and new."""
    shaped = conversations(rows.detail())
    messages = {message.message_id: message for message in rows.messages}
    found = sight_at(shaped.calls[number - 1], shaped.calls, messages)
    before = found.before.number if found.before is not None else None
    return before, len(found.seen), len(found.removed), len(found.new)


def test_a_tool_call_has_its_execution_and_its_answer() -> None:
    rows = Rows()
    user = rows.say("user", "How warm is it?")
    asks = rows.say("assistant", None, after=user, tool_calls=asking(("look", "a"), ("ask", "b")))
    rows.call(user, asks)
    rows.tool("ask", tool_call_id="b")
    rows.tool("look", tool_call_id="a")
    second = rows.say("tool", "of b", after=asks, tool_call_id="b")
    rows.say("tool", "of a", after=second, tool_call_id="a")

    (thread,) = conversations(rows.detail()).threads

    assert len(thread.turns) == 2
    uses = thread.turns[1].tools
    assert [(use.name, use.row and use.row.span_id) for use in uses] == [
        ("look", "tool-2"),
        ("ask", "tool-1"),
    ]
    assert [use.answer and use.answer.content for use in uses] == ["of a", "of b"]


def test_an_id_that_is_used_twice_means_two_executions() -> None:
    rows = Rows()
    user = rows.say("user", "Look twice.")
    first = rows.say("assistant", None, after=user, tool_calls=asking(("look", "a")))
    rows.call(user, first)
    rows.tool("look", tool_call_id="a")
    told = rows.say("tool", "one", after=first, tool_call_id="a")
    again = rows.say("assistant", None, after=told, tool_calls=asking(("look", "a")))
    rows.call(told, again)
    rows.tool("look", tool_call_id="a")

    places = conversations(rows.detail()).places

    assert places["tool-1"] == (str(first), f"{first}-0")
    assert places["tool-2"] == (str(again), f"{again}-0")


def test_the_branches_of_a_fan_out_are_threads_of_their_own() -> None:
    rows = Rows()
    one, two = "search[1:aa]", "search[1:bb]"
    rows.node(one)
    rows.node(two)
    system = rows.say("system", "Search.", node_path=one)
    a = rows.say("user", "Question A", after=system, node_path=one)
    b = rows.say("user", "Question B", after=system, node_path=two)
    for asked, path, answer in ((a, one, "Answer A"), (b, two, "Answer B")):
        rows.call(asked, rows.say("assistant", answer, after=asked, node_path=path), node_path=path)

    first, second = conversations(rows.detail()).threads

    assert (first.title, second.title) == ("search · branch 1 of 2", "search · branch 2 of 2")
    assert said(first) == ["Search.", "Question A", "Answer A"]
    assert said(second) == ["Question B", "Answer B"]
    assert (second.origin, len(second.shared)) == ("shared", 1)


def test_an_edited_history_is_a_branch_that_says_so() -> None:
    rows = Rows()
    user = rows.say("user", "Hello")
    answer = rows.say("assistant", "Hi", after=user)
    rows.call(user, answer)
    rows.call(
        more := rows.say("user", "Go on", after=answer), rows.say("assistant", "No", after=more)
    )
    edited = rows.say("user", "Please go on", after=answer)
    rows.call(edited, rows.say("assistant", "Yes", after=edited))

    first, second = conversations(rows.detail()).threads

    assert said(first) == ["Hello", "Hi", "Go on", "No"]
    assert said(second) == ["Please go on", "Yes"]
    assert (second.origin, len(second.shared)) == ("edited", 2)
    assert sight(rows, 3) == (2, 2, 1, 1)


def test_what_is_new_is_the_path_since_the_call_before() -> None:
    rows = Rows()
    system = rows.say("system", "Be brief.")
    user = rows.say("user", "Hello", after=system)
    answer = rows.say("assistant", "Hi", after=user)
    rows.call(user, answer)
    more = rows.say("user", "Go on", after=answer)
    rows.call(more, rows.say("assistant", "No", after=more))

    assert sight(rows, 1) == (None, 0, 0, 2)
    assert sight(rows, 2) == (1, 3, 0, 1)


def test_calls_that_share_only_instructions_are_not_one_conversation() -> None:
    rows = Rows()
    system = rows.say("system", "Be brief.")
    for text in ("one", "two"):
        user = rows.say("user", text, after=system)
        rows.call(user, rows.say("assistant", text, after=user))

    assert sight(rows, 2) == (None, 0, 0, 2)


def test_a_failed_attempt_stands_before_the_answer() -> None:
    rows = Rows()
    user = rows.say("user", "Hello")
    rows.call(user, error_type="RateLimitError", error_class="rate_limit", http_status=429)
    rows.call(user, rows.say("assistant", "Hi", after=user), attempt=2)

    (thread,) = conversations(rows.detail()).threads

    assert [turn.kind for turn in thread.turns] == ["message", "failed", "message"]
    assert [call.number for turn in thread.turns for call in turn.calls] == [1, 2]


def test_several_answers_to_one_call_are_choices() -> None:
    rows = Rows()
    user = rows.say("user", "Pick")
    answers = [rows.say("assistant", text, after=user) for text in ("a", "b")]
    rows.call(user, *answers)
    rows.say("user", "b it is", after=answers[1])

    (thread,) = conversations(rows.detail()).threads

    assert said(thread) == ["Pick", "a", "b", "b it is"]
    assert thread.turns[1].choice == (1, 2)


def test_tools_and_persons_that_no_model_asked_for_have_their_place() -> None:
    rows = Rows()
    rows.node("read[1]")
    read = rows.tool("read_file", node_path="read[1]")
    rows.node("approve[1]")
    asked = rows.tool("human", span_kind="other", node_path="approve[1]", result="yes")

    shaped = conversations(rows.detail())

    assert [thread.title for thread in shaped.threads] == ["read", "approve"]
    assert [turn.kind for thread in shaped.threads for turn in thread.turns] == ["tools", "person"]
    assert shaped.places["node-2"] == (*shaped.places[asked][:1], None)
    assert shaped.places[read] == ("tool-tool-1", "use-tool-1")


def test_calls_whose_words_were_not_recorded_are_shown() -> None:
    rows = Rows()
    rows.call(None, input_tokens=5)

    (thread,) = conversations(rows.detail()).threads

    assert [turn.kind for turn in thread.turns] == ["unrecorded"]


def test_messages_that_follow_each_other_in_a_circle_end() -> None:
    rows = Rows()
    first = rows.say("user", "a")
    second = rows.say("user", "b", after=first)
    rows.messages[0] = rows.messages[0].model_copy(update={"parent_id": second})

    assert conversations(rows.detail()).threads == []


def test_every_span_of_real_runs_has_its_place(home: Path, shared_data: Path) -> None:
    backend = LocalBackend(load_settings({"home": home}))
    folder = shared_data / "trajectories" / "tau-bench"
    backend.import_files("tau-bench", sorted(folder.iterdir()))
    runs = backend.list_runs(RunQuery(limit=1000)).items
    longest = sorted(runs, key=lambda run: run.message_count or 0)[-3:]

    for run in longest:
        detail = backend.get_run(str(run.run_id))
        shaped = conversations(detail)
        assert_whole(shaped, message_count=len(detail.messages))
        spans = {row.span_id for row in [*detail.llm_calls, *detail.tool_calls]}
        assert spans <= shaped.places.keys()


def assert_whole(shaped: Conversations, *, message_count: int) -> None:
    """Every message is a turn, or the answer inside one, exactly once."""
    turns = [turn for thread in shaped.threads for turn in thread.turns]
    shown = [turn.message.message_id for turn in turns if turn.message is not None]
    shown += [use.answer.message_id for turn in turns for use in turn.tools if use.answer]
    assert len(shown) == len(set(shown)) == message_count
