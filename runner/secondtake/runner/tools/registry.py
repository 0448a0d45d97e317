"""Tools and where they are found by name."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from secondtake.runner.calls import ToolRequest
from secondtake.runner.errors import ToolError, UsageError
from secondtake.runner.events import SpanKind
from secondtake.runner.tools.schema import ArgumentSchema

if TYPE_CHECKING:
    from secondtake.runner.settings import Settings

BUILT_IN: Final = (
    "calculator", "csv_summary", "current_time", "env_info", "fetch_text", "http_get",
    "json_query", "list_files", "python_sandbox", "read_file", "search_text", "shell",
    "sql_query", "web_search", "write_file",
)  # fmt: skip
"""Names of the tools that are always there, for checks that need no tool itself."""

CHANGING: Final = frozenset({"shell", "write_file"})
"""Those of them that change something: no replay executes them unasked, and no request of the API
can name one."""

UNPARSED: Final = "_unparsed"
"""The argument under which a call is recorded whose arguments are not a JSON object."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function that a model may call."""

    name: str
    function: Callable[..., Any]
    arguments: ArgumentSchema
    read_only: bool = False
    """Changes nothing in the world: a replay may execute it when the recording has no answer."""
    span_kind: SpanKind = "tool"
    told: str | None = None
    """What models are told of it instead of its docstring."""

    @property
    def description(self) -> str:
        """What the tool does, from the docstring where nothing else is told."""
        return self.told or self.arguments.description

    def described(self, text: str) -> "Tool":
        """Return the same tool, of which models are told something else."""
        return replace(self, told=text)

    def definition(self) -> dict[str, Any]:
        """Return the tool definition in OpenAI's form."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": self.arguments.json_schema,
            },
        }

    def __call__(self, arguments: Mapping[str, Any]) -> Any:
        """Check the arguments and execute, without recording.

        Raises:
            ToolError: the arguments do not fit, or the tool refuses them.
        """
        return self.function(**self.arguments.check(arguments))


def make_tool(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    read_only: bool = False,
    span_kind: SpanKind = "tool",
) -> Tool:
    """Make a tool of a typed function with a docstring.

    Raises:
        UsageError: the function is async, or a parameter has no type.
    """
    name = name or str(getattr(function, "__name__", type(function).__name__))
    if inspect.iscoroutinefunction(function):
        raise UsageError(f"Tool `{name}` is an async function; give a plain function.")
    return Tool(
        name=name,
        function=function,
        arguments=ArgumentSchema(function, name=name),
        read_only=read_only,
        span_kind=span_kind,
    )


def tool(
    name: str | None = None, *, read_only: bool = False
) -> Callable[[Callable[..., Any]], Tool]:
    """Decorate a typed function to make it a tool.

    Args:
        name: What models call it; the function's name when left out.
        read_only: Declares that it changes nothing in the world.
    """

    def decorate(function: Callable[..., Any]) -> Tool:
        return make_tool(function, name=name, read_only=read_only)

    return decorate


class ToolRegistry:
    """Tools by name."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools = {tool.name: tool for tool in tools}

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(self._tools)

    def get(self, name: str) -> Tool:
        """Return the tool.

        Raises:
            UsageError: there is none of that name.
        """
        if name not in self._tools:
            raise UsageError(f"There is no tool `{name}`{suggest(name, self._tools)}")
        return self._tools[name]

    def select(self, names: Iterable[str]) -> "ToolRegistry":
        """Return a registry of these tools only, in this order.

        Raises:
            UsageError: there is none of a name.
        """
        return ToolRegistry(self.get(name) for name in names)

    def definitions(self) -> list[dict[str, Any]]:
        """Return the definitions in OpenAI's form."""
        return [tool.definition() for tool in self._tools.values()]

    def described(self, texts: Mapping[str, str]) -> "ToolRegistry":
        """Return the same tools, of some of which models are told something else."""
        return ToolRegistry(
            tool.described(texts[tool.name]) if tool.name in texts else tool
            for tool in self._tools.values()
        )

    def having(self, tool: Tool) -> "ToolRegistry":
        """Return a registry with this tool as well; it comes last."""
        return ToolRegistry([*self._tools.values(), tool])

    def call(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        tool_call_id: str | None = None,
        guard: Callable[[Callable[[], Any]], Any] | None = None,
    ) -> Any:
        """Execute a tool through the boundary, so that the call becomes a row.

        Args:
            name: What the model called.
            arguments: As the model sent them.
            tool_call_id: The id that the model gave to its call.
            guard: Executes the tool with a time-out or the like, inside the recorded call.

        Raises:
            ToolError: no such tool, or it refuses its arguments; the text is for a model.
        """
        from secondtake.runner import boundary

        found = self._tools.get(name)
        request = ToolRequest(
            tool=name,
            arguments=arguments,
            tool_call_id=tool_call_id,
            span_kind=found.span_kind if found else "tool",
            read_only=found is None or found.read_only,  # there is nothing to execute without one
        )

        def execute() -> Any:
            return guard(invoke) if guard else invoke()

        def invoke() -> Any:
            if found is None:
                raise ToolError(f"There is no tool `{name}`{suggest(name, self._tools)}")
            return found(arguments)

        return boundary.call(request, execute)

    def refuse(self, name: str, raw: str, reason: str, *, tool_call_id: str | None) -> None:
        """Record a call whose arguments could not be read.

        Raises:
            ToolError: always, with `reason`.
        """
        from secondtake.runner import boundary

        def execute() -> Any:
            raise ToolError(reason)

        request = ToolRequest(
            tool=name, arguments={UNPARSED: raw}, tool_call_id=tool_call_id, read_only=True
        )
        boundary.call(request, execute)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that says which name may have been meant."""
    known = sorted(known)
    close = get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; there are: {', '.join(known)}." if known else "; there are no tools here."


def built_in_tools(settings: "Settings") -> ToolRegistry:
    """Return the built-in tools; the file tools read below `settings.files_root` only."""
    from secondtake.runner.tools.calculator import calculator
    from secondtake.runner.tools.clock import current_time
    from secondtake.runner.tools.data import DataTools
    from secondtake.runner.tools.environment import env_info
    from secondtake.runner.tools.files import FileTools
    from secondtake.runner.tools.sandbox import python_sandbox
    from secondtake.runner.tools.search import TextSearch
    from secondtake.runner.tools.shell import Shell
    from secondtake.runner.tools.sql_query import SqlQuery
    from secondtake.runner.tools.web_tools import WebTools
    from secondtake.runner.tools.write_file import FileWriter

    files = FileTools(settings.files_root, keep_out=settings.home)
    data = DataTools(files)
    web = WebTools(
        hosts=settings.allowed_hosts,
        networks=settings.allowed_networks,
        search_url=settings.search_url,
    )
    return ToolRegistry(
        [
            make_tool(calculator, read_only=True),
            make_tool(data.csv_summary, read_only=True),
            make_tool(current_time, read_only=True),
            make_tool(env_info, read_only=True),
            make_tool(web.fetch_text, read_only=True),
            make_tool(web.http_get, read_only=True),
            make_tool(data.json_query, read_only=True),
            make_tool(files.list_files, read_only=True),
            make_tool(python_sandbox, read_only=True),
            make_tool(files.read_file, read_only=True),
            make_tool(TextSearch(files).search_text, read_only=True, span_kind="retriever"),
            make_tool(Shell(settings.files_root, settings.shell_commands).shell),
            make_tool(SqlQuery(files).sql_query, read_only=True),
            make_tool(web.web_search, read_only=True, span_kind="retriever"),
            make_tool(FileWriter(files).write_file),
        ]
    )
