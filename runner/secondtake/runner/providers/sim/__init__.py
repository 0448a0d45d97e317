"""Simulated models: `sim/strong`, `sim/fast` and `sim/weak`, a deterministic offline stand-in.

The words come from pure functions (`brain.answer`) that need no LiteLLM; `provider.register`
puts them behind `litellm.completion(model="sim/strong", ...)`.
"""
