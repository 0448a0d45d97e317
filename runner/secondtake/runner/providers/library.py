"""Loads LiteLLM: late, because it takes seconds, and quiet."""

import logging
import os
import threading
import warnings
from typing import Any, Final

ENVIRONMENT: Final = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
}
"""Set before the import: without them LiteLLM fetches files from the network."""
LOGGERS: Final = ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router")

_lock = threading.Lock()
_loaded: list[Any] = []


def load_litellm() -> Any:
    """Return the `litellm` module, set up: no network but to the models, no prints.

    Its log is raised to errors unless `LITELLM_LOG` asks for more. The simulated models are
    known to it.
    """
    if _loaded:
        return _loaded[0]
    with _lock:
        if not _loaded:
            _loaded.append(_load())
    return _loaded[0]


def _load() -> Any:
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what LiteLLM's own classes warn of is not the user's
        import litellm
        from litellm.types.utils import Delta  # pyright: ignore[reportMissingTypeStubs]

        # Builds their validators now: the first call must not pay for it, nor warn of it.
        litellm.ModelResponse()
        litellm.ModelResponse(stream=True)
        Delta()
    from secondtake.runner.providers.sim.provider import PROVIDER, register
    from secondtake.runner.providers.wire import listen_in

    litellm.suppress_debug_info = True
    if "LITELLM_LOG" not in os.environ:
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
    if all(item["provider"] != PROVIDER for item in litellm.custom_provider_map):
        register(latency=False)
        _warm_up(litellm)
        register()
    listen_in(litellm)
    return litellm


def _warm_up(litellm: Any) -> None:
    """Ask a simulated model: LiteLLM's first call imports for half a second, an MCP client too.

    Else the first call that is recorded would tell of these imports.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        litellm.completion(
            model="sim/fast",
            messages=[{"role": "user", "content": "Hello"}],
            tools=[{"type": "function", "function": {"name": "greet", "parameters": {}}}],
        )
