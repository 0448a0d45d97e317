"""Asking models: `completion.complete` is the one way in, LiteLLM the one way out."""
