"""Reading the web as DESIGN wants it: allowed hosts, checked addresses, bounded size and time.

The address that was checked is the one that is connected to, so a name that answers otherwise the
second time changes nothing; each redirect is checked like a first request. No proxy is asked, and
nothing of the environment is sent.
"""

import ipaddress
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from secondtake.runner.errors import ToolError

MAX_BYTES: Final = 1_000_000
MAX_REDIRECTS: Final = 5
TIMEOUT_S: Final = 20.0
CONNECT_TIMEOUT_S: Final = 8.0
PORTS: Final = {"http": 80, "https": 443}
USER_AGENT: Final = "secondtake"
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Whom may be asked."""

    hosts: tuple[str, ...]
    """`example.org`, `*.example.org` for all below it, `example.org:8080` for another port."""
    networks: tuple[Network, ...] = ()
    """Of addresses that are not public and may be asked all the same."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """An answer that was read."""

    url: str
    """After redirects."""
    status: int
    content_type: str
    text: str
    is_cut: bool
    """Whether there was more than `MAX_BYTES`."""


def get_page(url: str, rules: Rules, headers: dict[str, str] | None = None) -> Page:
    """Read a page.

    Raises:
        ToolError: it may not be read, cannot be, or is no text.
    """
    deadline = time.monotonic() + TIMEOUT_S
    for _ in range(MAX_REDIRECTS + 1):
        parts = _checked_url(url, rules)
        address = _checked_address(parts, rules)
        with _asked(parts, address, headers or {}, deadline) as response:
            target = response.headers.get("location")
            if response.status_code not in _REDIRECTS or not target:
                return _read(url, response, deadline)
        url, headers = urljoin(url, target), None  # a key is for the one it was given for
    raise ToolError(f"{url} redirects more than {MAX_REDIRECTS} times.")


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks that a setting names.

    Raises:
        ToolError: one of them is none.
    """
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise ToolError(f"[tools] allowed_networks: {error}; tell the user.") from None


def _checked_url(url: str, rules: Rules) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ToolError(f"{url[:200]!r} is no address.") from None
    if parts.scheme not in PORTS or not host:
        raise ToolError(f"{url[:200]!r} is no http or https address.")
    if parts.username is not None or parts.password is not None:
        raise ToolError("An address with a user or a password in it is not asked.")
    if not rules.hosts:
        raise ToolError(
            "No host may be asked here; the user can name some in secondtake.toml: "
            f'[tools] allowed_hosts = ["{host}"].'
        )
    usual = port is None or port == PORTS[parts.scheme]
    named = host if usual else f"{host}:{port}"
    if not any(fnmatchcase(named, entry.lower()) for entry in rules.hosts):
        raise ToolError(f"{named} may not be asked; allowed are: {', '.join(rules.hosts)}.")
    return parts


def _checked_address(parts: SplitResult, rules: Rules) -> str:
    """Return an address of the host; all that it has must be allowed."""
    host = parts.hostname or ""
    try:
        found = socket.getaddrinfo(host, parts.port or 0, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ToolError(f"There is no host {host}, or the network is away.") from None
    addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    for address in addresses:
        if not is_allowed(address, rules.networks):
            raise ToolError(f"{host} has the address {address}, which is not a public one.")
    return str(addresses[0])


def is_allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Return whether an address is a public one, or in one of the networks."""
    if any(address.version == network.version and address in network for network in networks):
        return True
    return all(
        each.is_global and not each.is_multicast and not each.is_reserved
        for each in _embedded(address)
    )


def _embedded(address: Address) -> Iterator[Address]:
    """Yield the address, and those that it stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return
    yield address
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    yield from (each for each in inner if each is not None)


def _asked(parts: SplitResult, address: str, headers: dict[str, str], deadline: float) -> Any:
    """Return the context of a streamed answer from that very address."""
    import httpx2

    host = parts.hostname or ""
    port = parts.port or PORTS[parts.scheme]
    shown = f"[{address}]" if ":" in address else address
    target = httpx2.URL(parts.geturl()).copy_with(host=address, port=port)
    left_s = max(deadline - time.monotonic(), 0.1)
    client = httpx2.Client(
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(left_s, connect=min(CONNECT_TIMEOUT_S, left_s)),
    )
    return _Answer(
        client,
        client.build_request(
            "GET",
            target,
            headers={
                "Host": parts.netloc,
                "User-Agent": USER_AGENT,
                "Accept-Encoding": "identity",  # nothing that would have to be inflated
                **headers,
            },
            extensions={"sni_hostname": host},
        ),
        named=f"{host} ({shown})",
    )


class _Answer:
    """A streamed answer, closed with its client."""

    def __init__(self, client: Any, request: Any, *, named: str) -> None:
        self._client = client
        self._request = request
        self._named = named

    def __enter__(self) -> Any:
        import httpx2

        try:
            return self._client.send(self._request, stream=True)
        except httpx2.TimeoutException:
            self._client.close()
            raise ToolError(f"{self._named} does not answer in time.") from None
        except httpx2.HTTPError as error:
            self._client.close()
            raise ToolError(f"{self._named} cannot be asked: {error}.") from None

    def __exit__(self, *_: object) -> None:
        self._client.close()


def _read(url: str, response: Any, deadline: float) -> Page:
    import httpx2

    kind = response.headers.get("content-type", "")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ToolError(f"{url} answers compressed although it was asked not to.")
    data = b""
    try:
        for piece in response.iter_raw():
            data += piece
            if len(data) > MAX_BYTES:
                break
            if time.monotonic() > deadline:
                raise ToolError(f"{url} takes longer than {TIMEOUT_S:.0f} s.")
    except httpx2.HTTPError as error:
        raise ToolError(f"{url} broke off: {error}.") from None
    if b"\0" in data[:8192]:
        raise ToolError(f"{url} is no text ({kind or 'of unknown kind'}).")
    text = data[:MAX_BYTES].decode(response.charset_encoding or "utf-8", errors="replace")
    return Page(
        url=url,
        status=response.status_code,
        content_type=kind,
        text=text,
        is_cut=len(data) > MAX_BYTES,
    )
