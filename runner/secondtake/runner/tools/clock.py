"""The tool `current_time`."""

from secondtake.runner import ambient
from secondtake.runner.errors import ToolError


def current_time(timezone: str = "UTC") -> str:
    """Return the date and time of day.

    Args:
        timezone: IANA name of the time zone, such as Europe/Berlin.
    """
    from zoneinfo import ZoneInfo

    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise ToolError(
            f"There is no time zone {timezone!r}. Use an IANA name such as Europe/Berlin, or UTC."
        ) from None
    # Through the run's clock: a replay shows the model the time of the recording.
    return ambient.now().astimezone(zone).strftime("%A %Y-%m-%d %H:%M:%S %Z")
