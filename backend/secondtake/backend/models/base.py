"""What every request and answer has in common."""

import json
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

T = TypeVar("T")

TOO_DEEP: Final = "recursion limit exceeded"


class Model(BaseModel):
    """A frozen request or answer; None means unknown.

    Validators are built at first use: building them all at import would slow the command line.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), defer_build=True
    )


def read_json(adapter: TypeAdapter[T], text: str | bytes) -> T:
    """Return what a JSON text says.

    Raises:
        ValidationError: it does not fit.
    """
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        # A recorded value may be nested as deep as pydantic's own reader goes; around it is more.
        if not any(TOO_DEEP in each["msg"] for each in error.errors(include_input=False)):
            raise
        return adapter.validate_python(json.loads(text))
