"""The pages: each fetches, shapes and shows."""
