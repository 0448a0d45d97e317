"""What a message says: text, reasoning, pictures, files."""

import json
from collections.abc import Mapping
from typing import Any

from secondtake.backend.formats import count, counted
from secondtake.backend.models.records import MessageRow
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.run_page.blobs import PICTURE_BYTES_MAX, Picture, picture_of
from secondtake.studio.run_page.json_text import in_one_line, laid_out
from secondtake.studio.run_page.long_text import (
    FOLD_CHARS,
    Place,
    action,
    text_block,
    whole_length,
)
from secondtake.studio.run_page.reading import Reading

PICTURE_ACT = "picture"
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
REASONING_TYPES = frozenset({"thinking", "reasoning", "redacted_thinking"})


def message_body(
    message: MessageRow, reading: Reading, *, cls: str = "said", fold_at: int = FOLD_CHARS
) -> Html | None:
    """Return what a message says; None when it says nothing."""
    blocks = [*_reasoning(message, reading)]
    if message.content:
        place = Place(table="messages", row=str(message.message_id), field="content")
        text = laid_out(message.content) if cls == "mono" else message.content
        total = whole_length(message.clipped, "content", text)
        blocks.append(
            text_block(text, place, reading.pieces, total=total, cls=cls, fold_at=fold_at)
        )
    blocks += _other_parts(message, reading)
    return join(blocks) if blocks else None


def _reasoning(message: MessageRow, reading: Reading) -> list[Html]:
    """Return what the model thought, folded: fields beside the content, and parts of it."""
    texts = [
        text
        for key in REASONING_KEYS
        if isinstance(message.extra, Mapping) and isinstance(text := message.extra.get(key), str)
    ]
    texts += [
        _thought(part)
        for part in _parts(message, reading)
        if isinstance(part, Mapping) and part.get("type") in REASONING_TYPES
    ]
    place = Place(table="messages", row=str(message.message_id), field="extra")
    return [
        el(
            "details",
            el(
                "summary",
                icon("chevron_right", cls="fold-mark"),
                f"Reasoning · {counted(len(text), 'character')}",
            ),
            text_block(text, place, {}, cls="said quiet", fold_at=len(text) + 1),
            cls="reasoning",
        )
        for text in texts
        if text
    ]


def _thought(part: Mapping[str, Any]) -> str:
    for key in ("thinking", "text", "reasoning", "summary", "data"):
        if value := part.get(key):
            return value if isinstance(value, str) else in_one_line(value, limit=5000)
    return ""


def _other_parts(message: MessageRow, reading: Reading) -> list[Html]:
    """Return the parts that are neither text, which the content has, nor reasoning."""
    blocks: list[Html] = []
    for part in _parts(message, reading):
        if not isinstance(part, Mapping):
            continue
        picture = picture_of(part)
        if picture is not None:
            blocks.append(_picture(picture, reading))
        elif part.get("type") not in REASONING_TYPES and not isinstance(part.get("text"), str):
            blocks.append(_unshown(part))
    if blocks or not isinstance(message.parts, str) or _parts(message, reading):
        return blocks
    return [el("div", "The parts of this message are too long to be taken apart here; "
               "Raw has them.", cls="meta")]  # fmt: skip


def _parts(message: MessageRow, reading: Reading) -> list[Any]:
    """Return the parts of a message; none of such that are too long to be taken apart."""
    parts = message.parts
    if isinstance(parts, str) and "parts" in (message.clipped or {}):
        return reading.parts(message.message_id)  # what came is the start of their JSON
    return parts if isinstance(parts, list) else []


def _picture(picture: Picture, reading: Reading) -> Html:
    if picture.said is not None:
        return el("div", icon("image_not_supported"), picture.said, cls="part")
    uri = picture.uri
    if picture.blob is not None:
        is_small = picture.size_bytes is not None and picture.size_bytes <= PICTURE_BYTES_MAX
        if not is_small and picture.blob not in reading.opened:
            size = f"{count(picture.size_bytes)} bytes"
            show = action("Show picture", PICTURE_ACT, picture.blob, symbol="image")
            return el("div", icon("image"), size, show, cls="part")
        uri = reading.picture(picture.blob)
    if uri is None:
        return el("div", icon("broken_image"), "Its bytes are no picture that is shown here, "
                  "or are gone.", cls="part")  # fmt: skip
    return el("img", src=uri, alt="picture in the message", cls="picture")


def _unshown(part: Mapping[str, Any]) -> Html:
    kind = part.get("type")
    word = kind if isinstance(kind, str) else "part"
    shown = in_one_line(json.dumps(part, ensure_ascii=False, default=str)[:600])
    return el("div", icon("attach_file"), el("b", word), el("code", shown, cls="one-line"),
              cls="part")  # fmt: skip
