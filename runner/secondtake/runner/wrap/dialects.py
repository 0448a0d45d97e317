"""Which wire format a request speaks, and which provider is behind an address."""

from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

Dialect = Literal["chat", "responses", "anthropic"]
"""OpenAI's Chat Completions, OpenAI's Responses, Anthropic's Messages."""

Api = Literal["openai", "anthropic"]
"""What a program reaches below one base URL."""

APIS: Final[tuple[Api, ...]] = ("openai", "anthropic")

BASE_VARIABLES: Final[dict[Api, tuple[str, ...]]] = {
    "openai": ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    "anthropic": ("ANTHROPIC_BASE_URL",),
}
"""The environment variables that say where an API is, the one that counts most first."""

DEFAULT_UPSTREAMS: Final[dict[Api, str]] = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
}

_PROVIDERS: Final = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks_ai",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.perplexity.ai": "perplexity",
    "api.together.xyz": "together_ai",
    "api.x.ai": "xai",
    "generativelanguage.googleapis.com": "gemini",
    "openrouter.ai": "openrouter",
}
"""By host: the provider as LiteLLM names it. Any other host is taken for a proxy of the API that
it speaks, whose models have the names of that API's."""
_AZURE: Final = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """Where the requests of one API really go."""

    api: Api
    url: str
    """The base URL, as a program would be given it."""

    @property
    def provider(self) -> str:
        """The provider as LiteLLM names it."""
        host = (urlsplit(self.url).hostname or "").lower()
        if host.endswith(_AZURE):
            return "azure"
        return _PROVIDERS.get(host, self.api)

    def model(self, name: Any) -> str:
        """Return a model as LiteLLM names it: `openai/gpt-4o`."""
        return f"{self.provider}/{name or 'unknown'}"


def dialect_of(api: Api, method: str, path: str) -> Dialect | None:
    """Return what a request speaks whose answer is a model's; None for any other request.

    `path` is what follows the base URL: `/chat/completions`.
    """
    if method != "POST":
        return None
    path = path.rstrip("/")
    if path.endswith("/chat/completions"):
        return "chat"
    if api == "openai" and path.endswith("/responses"):
        return "responses"
    if api == "anthropic" and path.endswith("/messages"):
        return "anthropic"
    return None
