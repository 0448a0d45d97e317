"""Executing a run again from its recording: what is unchanged is answered, the rest is asked."""

from typing import Final

REPLAY_VARIABLE: Final = "SECONDTAKE_REPLAY"
"""The environment variable that names what a program is to replay; see `replay.programs`."""
