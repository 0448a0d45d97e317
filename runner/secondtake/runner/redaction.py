"""Secrets leave every value before it is hashed or written.

A secret becomes `<secret:kind:HMAC8>`: eight hexadecimal digits keyed by the home's key, so equal
secrets stay equal (hashes still match across runs) and nobody can guess back.

Found are: keys in the providers' known forms, private keys, tokens in headers and URLs, values
behind a name that says secret (`password=`, `"api_key": `, `--token `), the values of environment
variables with such names, and the user's own patterns. A value once found behind a name is then
found everywhere, also in an exception's text.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, cast
from urllib.parse import quote

from secondtake.runner.errors import SettingsError

KNOWN_VALUE_LENGTH_MIN: Final = 8
SECRET_VALUE_LENGTH_MIN: Final = 4
KEY_LENGTH_MIN: Final = 15
"""No key of a provider's known form is shorter."""
SHORT_LENGTH_MAX: Final = 64
SHORT_TEXTS_MAX: Final = 10_000
"""Short texts (keys, roles, names) come again and again: what was found in them is kept."""

_NAME: Final = (
    r"(?:api[_-]?keys?|apikey|secret(?:[_-]?(?:key|access[_-]?key))?|passw(?:or)?d|pwd|passphrase"
    r"|(?:access|auth|refresh|id|session|bearer|bot|oauth)[_-]?token"
    r"|client[_-]?secret|private[_-]?key|access[_-]?key(?:[_-]?id)?|credentials?"
    r"|connection[_-]?string|authorization|cookie)"
)
_SECRET_KEY: Final = re.compile(rf"(?:^|[_\-.\s]|x-){_NAME}$|^{_NAME}$", re.IGNORECASE)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TOKEN_KEY: Final = re.compile(r"^(?:.*[_-])?(?:token|key|pat|dsn|auth)$", re.IGNORECASE)
_TOKEN_VALUE: Final = re.compile(r"^(?=\S*\d)(?=\S*[A-Za-z])\S{16,}$")
_ENVIRONMENT_NAME: Final = re.compile(
    r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PWD|CREDENTIALS?|AUTH|PAT|DSN)(?:_|$)|APIKEY"
)
_PLACEHOLDER: Final = re.compile(r"<secret:\w+:[0-9a-f]{8}>")
_WORD: Final = re.compile(r"[a-z]+|[A-Z]+|[A-Z][a-z]+|\d+")

Rule = tuple[str, str, re.Pattern[str]]
"""A literal that the text must hold, the kind of secret, and the pattern.

The secret is group `s` of the pattern, or the whole match.
"""

_NEW: Final = "(?![0-9a-f]{8}>)"  # not the end of a placeholder
_API_KEY: Final = r"(?<![A-Za-z0-9]){}[A-Za-z0-9_\-]{{{},}}"
_RULES: Final[tuple[Rule, ...]] = tuple(
    (literal, kind, re.compile(pattern))
    for literal, kind, pattern in (
        ("sk-", "api_key", _API_KEY.format("sk-", 16)),
        ("_live_", "stripe", r"\b[srp]k_live_[A-Za-z0-9]{10,}"),
        ("_test_", "stripe", r"\b[srp]k_test_[A-Za-z0-9]{10,}"),
        ("gh", "github", r"\bgh[pousr]_[A-Za-z0-9]{20,}"),
        ("github_pat_", "github", _API_KEY.format("github_pat_", 20)),
        ("glpat-", "gitlab", _API_KEY.format("glpat-", 16)),
        ("AKIA", "aws", r"\bAKIA[A-Z0-9]{16}\b"),
        ("ASIA", "aws", r"\bASIA[A-Z0-9]{16}\b"),
        ("AIza", "google", _API_KEY.format("AIza", 30)),
        ("ya29.", "google", _API_KEY.format(r"ya29\.", 20)),
        ("xox", "slack", r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,}"),
        ("xapp-", "slack", _API_KEY.format("xapp-", 10)),
        ("hf_", "api_key", _API_KEY.format("hf_", 20)),
        ("gsk_", "api_key", _API_KEY.format("gsk_", 20)),
        ("r8_", "api_key", _API_KEY.format("r8_", 20)),
        ("npm_", "api_key", _API_KEY.format("npm_", 20)),
        ("tvly-", "api_key", _API_KEY.format("tvly-", 20)),
        ("xai-", "api_key", _API_KEY.format("xai-", 20)),
        ("pplx-", "api_key", _API_KEY.format("pplx-", 20)),
        ("nvapi-", "api_key", _API_KEY.format("nvapi-", 20)),
        ("SG.", "sendgrid", r"\bSG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}"),
        ("eyJ", "jwt", r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*"),
        (
            "PRIVATE KEY-----",
            "private_key",
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
        ),
        ("://", "url", r"://[^\s/:@\"'<]*:(?P<s>[^\s/@\"']+)@"),
        ("://", "url", r"://(?P<s>[^\s/:@\"'<]{8,})@"),
    )
)

_WORD_MAP: Final = bytes(
    ord("x") if (chr(byte).isalnum() and byte < 128) or byte in b"_-." else ord(" ")
    for byte in range(256)
)
_KEY_LIKE: Final = b"x" * KEY_LENGTH_MIN
"""With `_WORD_MAP` applied, a text with a word as long as a key holds this: the cheapest test."""
_SHORT_RULES: Final = tuple(rule for rule in _RULES if rule[1] in ("url", "private_key"))
"""The rules that can match where no word is as long as a key: most prose ends with these."""

_NAMED_RULES: Final = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("bearer", r"\bbearer\s+(?P<s>(?=[^\s\"']*\d)[A-Za-z0-9._~+/\-]{8,}=*)"),
        (
            "authorization",
            rf"\bauthorization[\"']?\s*[:=]\s*[\"']?(?:\w+\s+)?(?P<s>{_NEW}[^\s\"',;<]{{6,}})",
        ),
        (
            "named",
            rf"(?<![A-Za-z<]){_NAME}\\?[\"']?\s*[:=]\s*\\?[\"']?(?P<s>{_NEW}[^\s\"',;&}}<\\]{{4,}})",
        ),
        ("named", rf"--(?:[\w\-]*-)?(?:{_NAME}|token)[ =](?P<s>[^\s\"'<]{{4,}})"),
        ("named", r"[?&\s](?:token|key)=(?P<s>(?=[^\s&]*\d)[^\s\"'&<]{12,})"),
    )
)
_NAME_ENDS: Final = (
    "key", "keys", "key_id", "secret", "password", "passwd", "pwd", "passphrase", "token",
    "credential", "credentials", "string", "authorization", "cookie",
)  # fmt: skip


class Redactor:
    """Replaces secrets by placeholders; safe for use by many threads."""

    def __init__(
        self,
        key: bytes,
        *,
        patterns: Iterable[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._key = key
        self._own = tuple(_compile(pattern) for pattern in patterns)
        self._known: dict[str, str] = {}
        self._short: dict[str, str] = {}
        self._known_pattern: re.Pattern[str] | None = None
        environment = os.environ if environ is None else environ
        for name, value in environment.items():
            if _ENVIRONMENT_NAME.search(name.upper()):
                self.remember(value, kind="environment")

    def remember(self, value: str, *, kind: str) -> None:
        """Redact `value` wherever it appears from now on, unless it is an everyday word."""
        value = value.strip()
        if len(value) < KNOWN_VALUE_LENGTH_MIN or value in self._known:
            return
        if _WORD.fullmatch(value) or _PLACEHOLDER.search(value) or os.path.isdir(value):
            return
        known = {**self._known, value: kind}
        known.setdefault(quote(value, safe=""), kind)
        self._known = known
        longest_first = sorted(known, key=len, reverse=True)
        self._known_pattern = re.compile("|".join(map(re.escape, longest_first)))
        self._short = {}

    def text(self, text: str) -> str:
        """Return `text` with its secrets replaced."""
        if len(text) > SHORT_LENGTH_MAX:
            return self._search(text)
        short = self._short.get(text)
        if short is None:
            if len(self._short) >= SHORT_TEXTS_MAX:
                self._short = {}
            short = self._search(text)
            self._short[text] = short
        return short

    def _search(self, text: str) -> str:
        pattern = self._known_pattern
        if pattern is not None and any(value in text for value in self._known):
            text = pattern.sub(lambda m: self._placeholder(self._known[m[0]], m[0]), text)
        for own in self._own:
            text = own.sub(self._replacement("pattern"), text)
        has_key_like_word = _KEY_LIKE in text.encode("utf-8", "replace").translate(_WORD_MAP)
        rules = _RULES if has_key_like_word else _SHORT_RULES
        for literal, kind, rule in rules:
            if literal in text:
                text = rule.sub(self._replacement(kind), text)
        lower = text.lower()
        if "bearer " in lower or "--" in lower or _names_a_value(lower):
            for kind, rule in _NAMED_RULES:
                text = rule.sub(self._replacement(kind), text)
        return text

    def value(self, value: Any) -> Any:
        """Return a JSON value with the secrets in its texts and keys replaced."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self.members(cast(dict[str, Any], value))
        if isinstance(value, list):
            return self._list(cast(list[Any], value))
        return value

    def members(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return a JSON object with the secrets in its texts and keys replaced."""
        return {self.text(key): self._member(key, item) for key, item in value.items()}

    def _list(self, items: list[Any]) -> list[Any]:
        """Redact a list; in a command line, what follows a secret's flag is a secret."""
        redacted: list[Any] = []
        after_flag = False
        for item in items:
            if after_flag and isinstance(item, str) and not item.startswith("-"):
                redacted.append(self._placeholder("named", item))
            else:
                redacted.append(self.value(item))
            after_flag = (
                isinstance(item, str)
                and item.startswith("--")
                and "=" not in item
                and bool(_SECRET_KEY.search(item[2:]) or item.endswith("token"))
            )
        return redacted

    def _member(self, key: str, value: Any) -> Any:
        if isinstance(value, str) and len(value) >= SECRET_VALUE_LENGTH_MIN:
            named, perhaps = _says_secret(key)
            if named or (perhaps and _TOKEN_VALUE.match(value)):
                if _PLACEHOLDER.fullmatch(value):
                    return value
                self.remember(value, kind="named")
                return self._placeholder("named", value)
        return self.value(value)

    def _replacement(self, kind: str) -> Callable[[re.Match[str]], str]:
        def replace(match: re.Match[str]) -> str:
            group = "s" if "s" in match.re.groupindex else 0
            secret = match[group]
            if secret is None or _PLACEHOLDER.search(secret):
                return match[0]
            if kind == "named":
                self.remember(secret, kind=kind)
            start, end = match.start(group) - match.start(), match.end(group) - match.start()
            return match[0][:start] + self._placeholder(kind, secret) + match[0][end:]

        return replace

    def _placeholder(self, kind: str, secret: str) -> str:
        mac = hashlib.blake2b(secret.encode("utf-8", "replace"), key=self._key, digest_size=4)
        return f"<secret:{kind}:{mac.hexdigest()}>"


@lru_cache(maxsize=10_000)
def _says_secret(key: str) -> tuple[bool, bool]:
    """Tell whether a key names a secret, and whether it may name one."""
    name = _CAMEL.sub("_", key)
    return bool(_SECRET_KEY.search(name)), bool(_TOKEN_KEY.match(name))


def _names_a_value(lower: str) -> bool:
    """Tell whether a name that says secret is followed by `:` or `=`.

    A search for each name is several times faster than one pattern with all of them, and most
    texts that say "token" or "key" end here.
    """
    if ":" not in lower and "=" not in lower:
        return False
    for end in _NAME_ENDS:
        at = lower.find(end)
        while at >= 0:
            at += len(end)
            if lower[at : at + 5].lstrip("\\\"' ")[:1] in (":", "="):
                return True
            at = lower.find(end, at)
    return False


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise SettingsError(
            f"redaction pattern {pattern!r} is not a regular expression: {error}. "
            "Correct it under [redaction] in secondtake.toml."
        ) from error
