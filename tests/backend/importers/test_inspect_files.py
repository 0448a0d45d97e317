import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.support import inspect_logs as logs
from tests.support.imported import written

from secondtake.backend.importers.inspect_files import read_file
from secondtake.backend.importers.inspect_messages import chat_form, tokens_of
from secondtake.runner.errors import UsageError


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as raised:
        read_file(path)
    assert "\n" not in raised.value.message
    return raised.value.message


def with_member(folder: Path, member: str | zipfile.ZipInfo, data: bytes = b"{}") -> Path:
    path = logs.zipped(folder, logs.sample())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, data)
    return path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/passwd", "the member '/etc/passwd' has an absolute path"),
        ("samples/../../x.json", "leaves its folder"),
        ("samples\\x.json", "has a backslash in its name"),
        ("C:x", "names a drive"),
    ],
)
def test_a_member_with_a_hostile_name_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    assert reason in refusal(with_member(tmp_path, info))


def test_a_link_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("samples/2_epoch_1.json")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    assert "is a link" in refusal(with_member(tmp_path, info, b"/etc/passwd"))


def test_a_bomb_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("samples/2_epoch_1.json")
    info.compress_type = zipfile.ZIP_DEFLATED
    assert "that is no log" in refusal(with_member(tmp_path, info, b" " * (32 << 20)))


def test_zstandard_is_refused_with_the_cure(tmp_path: Path) -> None:
    path = with_member(tmp_path, "samples/2_epoch_1.json")
    data = path.read_bytes().replace(b"\x08\x00", b"\x5d\x00")
    path.write_bytes(data)
    assert "without INSPECT_USE_ZSTD" in refusal(path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = logs.zipped(tmp_path, logs.sample())
    path.write_bytes(path.read_bytes()[:-30])
    assert "is a broken zip file" in refusal(path)


def test_a_member_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = with_member(tmp_path, "samples/2_epoch_1.json", b'{"id": ')
    assert "log.eval/samples/2_epoch_1.json:1:8: not JSON" in refusal(path)


def test_a_zip_file_of_something_else_is_refused(tmp_path: Path) -> None:
    assert "zip file without header.json" in refusal(logs.zipped(tmp_path, header={}))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"history": []}, "try `secondtake import swe-agent`"),
        ({"eval": None, "status": "x"}, "it holds an object with the keys eval, status. A log"),
        ([], "it holds an empty list"),
        (logs.log(), "is a log without samples"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, content: Any, found: str) -> None:
    assert found in refusal(written(tmp_path, content, "log.json"))


def test_a_log_that_was_killed_begins_with_its_journal(tmp_path: Path) -> None:
    begun = json.dumps({"version": 2, "eval": logs.log()["eval"], "plan": {}}).encode()
    path = logs.zipped(tmp_path, logs.sample(), header={}, **{"_journal__start.json": begun})
    [record] = read_file(path).records
    assert (record["log"]["status"], record["sample"]["id"]) == ("started", "q1")


def test_samples_stand_in_order_of_epoch_and_id(tmp_path: Path) -> None:
    made = [logs.sample(id=i, epoch=e) for e in (2, 1) for i in (10, 9, "b")]
    records = read_file(logs.zipped(tmp_path, *made)).records
    places = [(record["sample"]["epoch"], record["sample"]["id"]) for record in records]
    assert places == [(1, 9), (1, 10), (1, "b"), (2, 9), (2, 10), (2, "b")]


@pytest.mark.parametrize(
    ("usage", "whole", "uncached", "convention"),
    [
        ({"input_tokens": 9, "output_tokens": 1, "total_tokens": 10}, 9, 9, "cached_included"),
        (
            {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10,
             "input_tokens_cache_read": 4},
            9, 5, "cached_included",
        ),
        (
            {"input_tokens": 9, "output_tokens": 1, "total_tokens": 16,
             "input_tokens_cache_read": 4, "input_tokens_cache_write": 2},
            15, 9, "cached_excluded",
        ),
        (
            {"input_tokens": 9, "output_tokens": 1, "total_tokens": 99,
             "input_tokens_cache_read": 4},
            9, None, None,
        ),
        ({"input_tokens": 9, "output_tokens": 1, "input_tokens_cache_read": 4}, 9, None, None),
        ({"input_tokens": None, "output_tokens": 2**63}, None, None, None),
        ({"input_tokens": "9", "output_tokens": "1", "total_tokens": "10"}, 9, 9,
         "cached_included"),
    ],
)  # fmt: skip
def test_the_reported_total_tells_what_the_input_count_means(
    usage: dict[str, Any], whole: int | None, uncached: int | None, convention: str | None
) -> None:
    tokens = tokens_of(usage)
    assert (tokens.input_tokens, tokens.uncached_input_tokens) == (whole, uncached)
    assert tokens.convention == convention
    assert (tokens.note is None) == (convention is not None)


def test_more_reasoning_than_output_is_a_contradiction_and_said() -> None:
    tokens = tokens_of({"input_tokens": 1, "output_tokens": 5, "reasoning_tokens": 7})
    assert (tokens.output_tokens, tokens.text_output_tokens) == (5, None)
    assert tokens.note == "output_tokens is 5, less than 7"


def test_parts_become_those_of_openai() -> None:
    image = "data:image/png;base64,aGk="
    made = chat_form(
        logs.says(
            "user",
            [
                {"type": "text", "text": "Look."},
                {"type": "image", "image": image, "detail": "low"},
                {"type": "audio", "audio": "aGk=", "format": "wav"},
                {"type": "document", "document": "a.pdf", "filename": "a.pdf"},
                {"type": "data", "data": {"a": 1}},
            ],
        )
    )
    assert made["content"] == [
        {"type": "text", "text": "Look."},
        {"type": "image_url", "image_url": {"url": image, "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        {"type": "file", "file": {"file_data": "a.pdf", "filename": "a.pdf"}},
        {"type": "data", "data": {"a": 1}},
    ]


def test_reasoning_stands_beside_the_content_with_its_signature() -> None:
    made = chat_form(
        logs.says(
            "assistant",
            [
                {"type": "reasoning", "reasoning": "Hm.", "signature": "s"},
                {"type": "reasoning", "reasoning": "xx", "redacted": True, "summary": "Short."},
                {"type": "text", "text": "3.20"},
            ],
        )
    )
    assert made == {
        "role": "assistant",
        "content": [{"type": "text", "text": "3.20"}],
        "reasoning_content": "Hm.\nShort.",
        "thinking_blocks": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "redacted_thinking", "data": "xx"},
        ],
    }


def test_the_error_of_a_tool_is_what_the_model_was_told() -> None:
    told = logs.says(
        "tool", "", tool_call_id="c1", error={"type": "timeout", "message": "too slow"}
    )
    assert chat_form(told)["content"] == "too slow"
