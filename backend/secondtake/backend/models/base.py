"""What every request and answer has in common."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A frozen request or answer; None means unknown.

    Validators are built at first use: building them all at import would slow the command line.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), defer_build=True
    )
