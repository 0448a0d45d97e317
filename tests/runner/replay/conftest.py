"""What the tests of replay share."""

from tests.runner.workflows.conftest import settings, steps

__all__ = ["settings", "steps"]
