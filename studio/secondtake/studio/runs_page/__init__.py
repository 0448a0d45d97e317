"""The page of all runs: what it shows, and how that is shaped. The page itself: `pages/runs.py`."""
