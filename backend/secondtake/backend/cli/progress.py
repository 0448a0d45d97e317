"""A progress bar for what takes longer than two seconds, where somebody looks at a screen."""

import sys
import time
from typing import Final

import click

PATIENCE_S: Final = 2.0
REDRAW_S: Final = 0.1
BAR_CELLS: Final = 30
CLEAR_LINE: Final = "\r\x1b[2K"


class ProgressBar:
    """Draws on stderr; silent for two seconds, and when stderr is no screen."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._on_screen = sys.stderr.isatty()
        self._begun_s = time.monotonic()
        self._drawn_s = 0.0
        self.is_shown = False

    def __call__(self, done: int, total: int) -> None:
        """Tell how far it is."""
        now_s = time.monotonic()
        if not self._on_screen or now_s - self._begun_s < PATIENCE_S:
            return
        if now_s - self._drawn_s < REDRAW_S and done < total:
            return
        self._drawn_s = now_s
        self.is_shown = True
        full = BAR_CELLS * done // total if total else BAR_CELLS
        bar = "█" * full + "░" * (BAR_CELLS - full)
        click.echo(f"\r{self._label} {bar} {done:,} of {total:,}", nl=False, err=True)

    def end(self) -> None:
        """Take the bar away."""
        if self.is_shown:
            click.echo(CLEAR_LINE, nl=False, err=True)
