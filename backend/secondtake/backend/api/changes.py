"""Tells those who watch runs that there may be something new; all of it on the event loop."""

import asyncio


class Changes:
    """A count that grows with each change of the store, and a way to wait for it.

    `announce` may be called by any thread, the rest on the event loop alone.
    """

    def __init__(self) -> None:
        self.count = 0
        self.is_closing = False
        """True when the server is about to end: nobody shall wait any more."""
        self._loop = asyncio.get_running_loop()
        self._next = asyncio.Event()

    def announce(self) -> None:
        """Wake all who wait."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._advance)

    def close(self) -> None:
        """Wake all who wait, for the last time."""
        self.is_closing = True
        self._advance()

    async def wait(self, seen: int, *, at_most_s: float) -> None:
        """Return when the count is not `seen` any more, the server closes, or time is up."""
        if self.count != seen or self.is_closing:
            return
        try:
            async with asyncio.timeout(at_most_s):
                await self._next.wait()
        except TimeoutError:
            return

    def _advance(self) -> None:
        self.count += 1
        previous, self._next = self._next, asyncio.Event()
        previous.set()
