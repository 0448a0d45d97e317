"""Warm processes that execute runs for the API, and the pool that looks after them."""
