"""Requests of Anthropic's and of the Responses API, in OpenAI's form; tool calls told apart."""

from pathlib import Path
from typing import Any

from tests.support.loopback import Loopback, json_answer
from tests.support.wrapping import llm_calls, recorded_events, serving, tool_calls

from secondtake.runner.calls import LlmRequest
from secondtake.runner.replay.options import ReplayOptions
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.session import ReplaySession
from secondtake.runner.wrap import translation
from secondtake.runner.wrap.dialects import Upstream, dialect_of
from secondtake.runner.wrap.responses import KnownResponses

ANTHROPIC = Upstream(api="anthropic", url="https://api.anthropic.com")
OPENAI = Upstream(api="openai", url="https://api.openai.com/v1")
CALL = {"name": "look", "arguments": '{"at":"sky"}'}


def anthropic(**body: Any) -> LlmRequest:
    return translation.request_of("anthropic", {"model": "m", **body}, ANTHROPIC, KnownResponses())


def responses(**body: Any) -> LlmRequest:
    return translation.request_of("responses", {"model": "m", **body}, OPENAI, KnownResponses())


def test_anthropic_blocks_become_messages() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    result = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [{"type": "text", "text": "x"}],
    }
    request = anthropic(
        system="Be kind.",
        messages=[
            {"role": "user", "content": [{"type": "image", "source": source}]},
            {
                "role": "assistant",
                "content": [
                    thought,
                    {"type": "text", "text": "Let me look."},
                    {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "sky"}},
                ],
            },
            {
                "role": "user",
                "content": [{**result, "is_error": True}, {"type": "text", "text": "And?"}],
            },
        ],
    )
    assert request.messages == [
        {"role": "system", "content": "Be kind."},
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
        },
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [{"id": "t1", "type": "function", "function": CALL}],
            "reasoning_content": "Hm.",
            "thinking_blocks": [thought],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "x", "is_error": True},
        {"role": "user", "content": "And?"},
    ]


def test_anthropic_parameters_have_openai_names() -> None:
    request = anthropic(
        messages=[],
        max_tokens=5,
        stop_sequences=["x"],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        metadata={"user_id": "u"},
        tools=[
            {"name": "look", "input_schema": {"type": "object"}},
            {"type": "bash_1", "name": "b"},
        ],
    )
    assert request.parameters == {
        "max_tokens": 5,
        "stop": ["x"],
        "tool_choice": "required",
        "parallel_tool_calls": False,
    }
    assert request.tools == [
        {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}},
        {"type": "bash_1", "name": "b"},
    ]


def test_response_items_become_messages() -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"}
    request = responses(
        instructions="Be kind.",
        input=[
            {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
            {**reasoning, "status": None},
            {"type": "function_call", "id": "fc_1", "call_id": "c1", "status": "completed", **CALL},
            {"type": "function_call_output", "call_id": "c1", "output": "blue"},
        ],
        max_output_tokens=9,
        reasoning={"effort": "low"},
        text={"format": {"type": "text"}},
    )
    assert request.messages == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": CALL}],
            "reasoning_items": [reasoning],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "blue"},
    ]
    assert request.parameters == {"max_completion_tokens": 9, "reasoning_effort": "low"}


def response(number: int, *output: dict[str, Any]) -> Any:
    """An answer of the Responses API."""
    usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    about = {"id": f"resp_{number}", "object": "response", "status": "completed", "model": "m"}
    return json_answer({**about, "output": list(output), "usage": usage})


def test_a_conversation_that_the_server_keeps_is_filled_in(home: Path) -> None:
    import httpx2

    said = {"type": "output_text", "text": "Blue.", "annotations": []}
    answers = [
        response(1, {"type": "function_call", "id": "fc", "call_id": "c1", **CALL}),
        response(2, {"type": "message", "role": "assistant", "id": "m1", "content": [said]}),
        response(3),
    ]
    with Loopback(answers) as api, serving(home, api.url) as (program,):
        url = f"{program.openai}/responses"
        httpx2.post(url, json={"model": "m", "input": "Which colour?"})
        output = {"type": "function_call_output", "call_id": "c1", "output": "blue"}
        body = {"model": "m", "input": [output], "previous_response_id": "resp_1"}
        httpx2.post(url, json=body)
        body = {"model": "m", "input": "Sure?", "previous_response_id": "resp_unknown"}
        httpx2.post(url, json=body)
    (call,) = tool_calls(home)
    assert (call.tool, call.arguments, call.result) == ("look", {"at": "sky"}, "blue")
    recording = Recording.of(recorded_events(home))
    _, second, third = recording.llm_calls
    assert [m["role"] for m in recording.prompt_of(second)] == ["user", "assistant", "tool"]
    assert second.parameters is None
    assert third.parameters == {"previous_response_id": "resp_unknown"}
    assert second.finish_reason == "completed"


def chat(call_id: str | None = None) -> Any:
    """An answer of Chat Completions, which may ask for a tool."""
    message: dict[str, Any] = {"role": "assistant", "content": None if call_id else "Done."}
    if call_id:
        message["tool_calls"] = [{"id": call_id, "type": "function", "function": CALL}]
    return json_answer({"id": "x", "model": "m", "choices": [{"index": 0, "message": message}]})


def test_a_tool_call_is_recorded_once_however_often_its_result_is_sent(home: Path) -> None:
    """Also where a server gives every call the same id, and where history is shortened."""
    import httpx2

    user = {"role": "user", "content": "Go"}
    asked = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_0", "type": "function", "function": CALL}],
    }
    results = [{"role": "tool", "tool_call_id": "call_0", "content": str(n)} for n in range(2)]
    before = {"role": "tool", "tool_call_id": "older", "content": "from another run"}
    histories = [
        [user],
        [user, asked, results[0]],
        [user, asked, results[0]],  # a retry
        [user, asked, results[0], asked, results[1]],
        [asked, results[1], before],  # shortened
    ]
    answers = [chat("call_0"), chat("call_0"), chat("other"), chat(), chat()]
    with Loopback(answers) as api, serving(home, api.url) as (program,):
        for messages in histories:
            body = {"model": "m", "messages": messages}
            httpx2.post(f"{program.openai}/chat/completions", json=body)
    assert [call.result for call in tool_calls(home)] == ["0", "1"]


def test_a_replay_answers_at_the_wire_without_the_api(home: Path) -> None:
    """The first request gets its recorded answer in each form; nobody goes out."""
    import httpx2

    body = {"model": "m", "messages": [{"role": "user", "content": "Go"}]}
    with Loopback([chat()]) as api, serving(home, api.url) as (program,):
        url = f"{program.openai}/chat/completions"
        first = httpx2.post(url, json=body).json()
    recording = Recording.of(recorded_events(home))
    for stream in (False, True):
        session = ReplaySession(recording, ReplayOptions(llm="recorded", tools="recorded"))
        away = "http://127.0.0.1:1"
        with serving(home, away, replay=session) as (program,):
            url = f"{program.openai}/chat/completions"
            again = httpx2.post(url, json={**body, "stream": stream})
            changed = {**body, "messages": [{"role": "user", "content": "Stop"}]}
            refused = httpx2.post(url, json=changed)
        assert again.status_code == 200
        if stream:
            assert '"content":"Done."' in again.text
            assert again.text.endswith("data: [DONE]\n\n")
        else:
            assert again.json()["choices"][0]["message"]["content"] == "Done."
            assert again.json()["id"] == first["id"]
        assert (refused.status_code, refused.headers["x-should-retry"]) == (400, "false")
        assert program.wrapped.stopped is not None
    served = [call.served_from for call in llm_calls(home) if call.error_type is None]
    assert served == ["live", "recorded", "recorded"]


def test_only_requests_whose_answer_is_a_models_are_llm_calls() -> None:
    found = {
        (api, path): dialect_of(api, "POST", path)
        for api in ("openai", "anthropic")
        for path in ("/chat/completions", "/responses", "/threads/t/messages", "/v1/messages")
    }
    assert {place: dialect for place, dialect in found.items() if dialect} == {
        ("openai", "/chat/completions"): "chat",
        ("openai", "/responses"): "responses",
        ("anthropic", "/chat/completions"): "chat",
        ("anthropic", "/threads/t/messages"): "anthropic",
        ("anthropic", "/v1/messages"): "anthropic",
    }
    assert dialect_of("anthropic", "POST", "/v1/messages/count_tokens") is None
    assert dialect_of("openai", "GET", "/chat/completions") is None


def test_models_are_named_after_who_serves_them() -> None:
    names = {
        url: Upstream(api="openai", url=url).model("gpt-4o")
        for url in (
            "https://api.openai.com/v1",
            "https://openrouter.ai/api/v1",
            "https://mine.openai.azure.com/openai/v1",
            "http://127.0.0.1:8080/v1",
        )
    }
    assert list(names.values()) == [
        "openai/gpt-4o",
        "openrouter/gpt-4o",
        "azure/gpt-4o",
        "openai/gpt-4o",
    ]


def test_arguments_that_a_program_spells_anew_are_recognised(home: Path) -> None:
    import httpx2

    user = {"role": "user", "content": "Go"}
    function = {"name": "look", "arguments": '{ "at": "sky" }'}
    raw = json_answer(
        {"choices": [{"message": {"tool_calls": [{"id": "c", "index": 0, "function": function}]}}]}
    )
    sent = {
        "role": "assistant",
        "tool_calls": [{"id": "c", "type": "function", "function": {**CALL, "name": "look"}}],
    }
    result = {"role": "tool", "tool_call_id": "c", "content": "blue"}
    with Loopback([raw, chat()]) as api, serving(home, api.url) as (program,):
        url = f"{program.openai}/chat/completions"
        httpx2.post(url, json={"model": "m", "messages": [user]})
        httpx2.post(url, json={"model": "m", "messages": [user, sent, result]})
    recording = Recording.of(recorded_events(home))
    assert len(recording.messages) == 4
    assert [call.result for call in recording.tool_calls] == ["blue"]
    again = translation.body_of("chat", recording.response_of(recording.llm_calls[0]), {})
    assert b'"arguments":"{ \\"at\\": \\"sky\\" }"' in again  # as the model spelled them
