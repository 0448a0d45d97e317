"""The route that images and sounds of messages come by."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Response

from secondtake.backend.api.dependencies import TheServer
from secondtake.backend.api.problems import documented
from secondtake.backend.services import blobs

SHOWN: Final = ("image/", "audio/")
"""What a browser may show in place. The service names no type that could run code there."""
MEDIA_TYPES: Final = (
    "application/octet-stream",
    "application/pdf",
    "audio/mpeg",
    "audio/wav",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
)
FOREVER: Final = "private, max-age=31536000, immutable"
"""The address is the hash of the bytes: these never change."""

NAME_LENGTH: Final = 16

Sha256 = Annotated[str, Path(description="The value of `$blob` in a message.", examples=["a" * 64])]

router = APIRouter(tags=["runs"], responses=documented(403, 404, 422, 500, 503))


@router.get(
    "/blobs/{sha256}",
    summary="Get a binary part of a message",
    response_class=Response,
    responses={
        200: {
            "description": "The bytes.",
            "content": {
                media_type: {"schema": {"type": "string", "format": "binary"}}
                for media_type in MEDIA_TYPES
            },
        }
    },
)
def get_blob(server: TheServer, sha256: Sha256) -> Response:
    """Return the bytes; what is no image or sound that we show is a download."""
    blob = blobs.read_blob(server.settings.home, sha256)
    headers = {"Cache-Control": FOREVER}
    if not blob.media_type.startswith(SHOWN):
        headers["Content-Disposition"] = f'attachment; filename="{sha256[:NAME_LENGTH]}"'
    return Response(blob.content, media_type=blob.media_type, headers=headers)
