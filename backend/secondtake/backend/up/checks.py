"""What `secondtake up` looks at before it starts anything; each complaint has its cure."""

import errno
import socket
import time
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Final

from secondtake.runner.errors import SecondTakeError, UsageError

NEEDED: Final = {
    "server": ("duckdb", "fastapi", "uvicorn", "httpx2"),
    "studio": ("streamlit", "pandas", "plotly"),
}
"""By extra: the modules that it brings."""
TAKEN: Final = (errno.EADDRINUSE, errno.EACCES)
RETRY_S: Final = 0.1
PORTS_TRIED: Final = 20


def check_installed(extra: str) -> None:
    """Raise when a module is missing that an extra brings.

    Raises:
        SecondTakeError: it is.
    """
    for module in NEEDED[extra]:
        if find_spec(module) is None:
            without = "; or leave the studio out with --no-studio" if extra == "studio" else ""
            raise SecondTakeError(
                f"The {extra} needs {module}, which is not installed: "
                f"pip install 'secondtake[server,studio]'{without}"
            )


def check_host(host: str) -> None:
    """Raise when others than this machine could reach the address.

    Raises:
        UsageError: they could.
    """
    name = host.strip("[]")
    try:
        is_local = name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        is_local = False
    if not is_local:
        raise UsageError(
            f"--host {host}: others could reach the server there, and it has no keys to ask them "
            "for; leave --host out, and use a tunnel (ssh -L) from elsewhere."
        )


def check_port(host: str, port: int, *, option: str, wait_s: float = 0.0) -> None:
    """Raise when a port is taken.

    Args:
        host: the address that it belongs to.
        port: the port.
        option: what chooses another one.
        wait_s: how long to wait for a process that is ending to give it back.

    Raises:
        UsageError: it is taken, or may not be used.
    """
    until_s = time.monotonic() + wait_s
    while (reason := _why_not(host, port)) is not None:
        if time.monotonic() >= until_s:
            free = next(
                (p for p in range(port + 1, port + PORTS_TRIED) if _why_not(host, p) is None), None
            )
            cure = f"{option} {free}" if free else option
            raise UsageError(
                f"Port {port} of {host} cannot be used: {reason}. End what uses it, or choose "
                f"another: {cure}"
            )
        time.sleep(RETRY_S)


def _why_not(host: str, port: int) -> str | None:
    """Return why a port cannot be listened at, None when it can."""
    name = "127.0.0.1" if host == "localhost" else host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((name, port))
            probe.listen(1)
        except OSError as error:
            if error.errno in TAKEN or port:
                return error.strerror or str(error)
    return None
