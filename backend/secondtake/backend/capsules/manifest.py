"""The manifest of a capsule: what is in it, with sizes and hashes."""

import re
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, ValidationError

from secondtake.backend.capsules.refusal import CapsuleRefused
from secondtake.backend.models.base import Model

FORMAT: Final = "secondtake.capsule"
VERSION: Final = 1

MANIFEST: Final = "manifest.json"
RECORDING: Final = "recording.json"
README: Final = "README.txt"
TABLES: Final = "tables/"
BLOBS: Final = "blobs/"

_EXPECTED: Final = re.compile(
    r"manifest\.json|recording\.json|README\.txt|tables/[a-z_]{1,40}\.parquet|blobs/[0-9a-f]{64}"
)

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Member(Model):
    """One file of a capsule."""

    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]
    """Its size when it is inflated."""


class Manifest(Model):
    """What a capsule says of itself; every other member is in `members`."""

    format: Literal["secondtake.capsule"] = FORMAT
    version: Literal[1] = VERSION
    created_at: AwareDatetime
    """When the capsule was written, UTC."""
    run_id: UUID
    name: str | None = None
    status: str
    """Of the run, when the capsule was written."""
    program_version: str
    """The version of Second Take that wrote it."""
    members: dict[str, Member]
    missing_blobs: list[Sha256] = Field(default_factory=list[str])
    """Binary parts that the run refers to and that were gone when the capsule was written."""


class _Envelope(Model):
    """What a manifest of any version has."""

    model_config = ConfigDict(extra="ignore")

    format: str
    version: int


def read_manifest(data: bytes) -> Manifest:
    """Return the manifest that a member holds.

    Raises:
        CapsuleRefused: it is none, or a newer program wrote it.
    """
    try:
        envelope = _Envelope.model_validate_json(data)
    except ValidationError:
        raise CapsuleRefused("its manifest.json does not say that it is a capsule") from None
    if envelope.format != FORMAT:
        raise CapsuleRefused("its manifest.json does not say that it is a capsule")
    if envelope.version > VERSION:
        raise CapsuleRefused(
            f"it has version {envelope.version} and this program reads version {VERSION}; "
            "upgrade secondtake to open it"
        )
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise CapsuleRefused(f"its manifest.json is damaged: {place}: {first['msg']}") from None


def is_expected(name: str) -> bool:
    """Tell whether a capsule may have a member of this name."""
    return _EXPECTED.fullmatch(name) is not None
