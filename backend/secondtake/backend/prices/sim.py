"""Prices of the simulated models: made up, in the proportions of real price lists."""

from typing import Any, Final

SIM_PRICES: Final[dict[str, dict[str, Any]]] = {
    "sim/strong": {
        "uncached_input": "3",
        "cache_read": "0.3",
        "cache_write_5m": "3.75",
        "text_output": "15",
    },
    "sim/fast": {
        "uncached_input": "0.6",
        "cache_read": "0.06",
        "cache_write_5m": "0.75",
        "text_output": "2.4",
    },
    "sim/weak": {
        "uncached_input": "0.1",
        "cache_read": "0.01",
        "cache_write_5m": "0.125",
        "text_output": "0.4",
    },
}
"""USD per million tokens, by bucket."""


def sim_models() -> dict[str, dict[str, Any]]:
    """Return the snapshot entries of the simulated models."""
    return {
        model: {
            "provider": "sim",
            "source": "simulated",
            "usd_per_million": {"standard": [[0, rates]]},
        }
        for model, rates in SIM_PRICES.items()
    }
