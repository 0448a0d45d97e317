"""What a diff says about each run as a whole: how it came about, and its configuration."""

import json
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import Any, Final

from secondtake.backend.models.diffs import DiffSide
from secondtake.backend.models.records import LlmCallRow, ToolDefinitionsRow
from secondtake.backend.models.runs import RunFacts
from secondtake.backend.services.diff_messages import Prompts
from secondtake.backend.services.diff_steps import Calls, node_of
from secondtake.runner.narrow import is_list, is_object

Replay = Mapping[str, Any]
"""A row of `replays`."""

VALUE_CHARS: Final = 60
"""Of a value that a replay set, in the sentence about it."""
OVERRIDES_SHOWN: Final = 4
SHORT_ID_DIGITS: Final = 13
NAME_CHARS: Final = 300
HOW_CHARS: Final = 600

_IMPORTED: Final = "import:"
_SEEN: Final = {"wrap": "a program, recorded at the wire", "otlp": "received over OpenTelemetry"}
_ENVIRONMENT: Final = ("python", "packages")
_MISSING: Final = object()


def side_of(run: RunFacts, replay: Replay | None) -> DiffSide:
    """Return one of the two runs."""
    how = ", ".join(_how(run, _overrides(run, replay), replay or {}))
    return DiffSide(
        run_id=run.run_id,
        short_id=run.short_id,
        name=run.name or run.workflow,
        status=run.status,
        models=run.models or [],
        how=_shortened(how, HOW_CHARS) or None,
        scores={name[:NAME_CHARS]: value for name, value in (run.scores or {}).items()},
        cost_usd=run.cost_usd,
        unpriced_calls=run.unpriced_calls or 0,
        duration_ms=run.duration_ms,
        input_tokens=run.input_tokens,
        output_tokens=run.output_tokens,
        llm_calls=run.llm_call_count or 0,
        tool_calls=run.tool_call_count or 0,
        simulated=bool(run.simulated),
    )


def configuration_of(
    run: RunFacts,
    calls: Calls,
    definitions: Sequence[ToolDefinitionsRow],
    replay: Replay | None,
) -> Any:
    """Return all that a run was told to do: what a replay can override, by the same paths.

    Of a workflow that is its definition; of any other run, what its calls were sent.
    """
    config: Any = run.config
    found: dict[str, Any] = {}
    if is_object(config) and is_object(config.get("definition")):
        found = _definition(config)
    else:
        found = _asked(calls, definitions)
        if config is not None:
            found["config"] = config
    overrides = _unseen(replay["overrides"] if replay is not None else None, found)
    if overrides:
        found["overrides"] = overrides
    environment = _environment(run.environment)
    if environment:
        found["environment"] = environment
    return found or None


def _overrides(run: RunFacts, replay: Replay | None) -> dict[str, Any]:
    """Return what was changed for a run, by path: a replay's overrides, or a run's own."""
    given: Any = replay["overrides"] if replay is not None else None
    if run.source_run_id is None and is_object(run.config):
        given = run.config.get("overrides")
    return given if is_object(given) else {}


def _how(run: RunFacts, overrides: Mapping[str, Any], replay: Replay) -> Iterator[str]:
    source = run.source or ""
    if run.source_run_id is not None:
        yield _replay_words(run, overrides, replay)
    elif source.startswith(_IMPORTED):
        tags = ", ".join(f"{key}={value}" for key, value in (run.tags or {}).items())
        yield f"imported from {source.removeprefix(_IMPORTED)}" + (f" ({tags})" if tags else "")
    elif source in _SEEN:
        yield _SEEN[source]
    elif overrides:
        yield f"run with {_override_words(overrides)}"
    if run.variant is not None:
        yield f"variant {run.variant}"
    if run.experiment_id is not None:
        yield f"experiment {run.experiment_id}"
    if run.experiment_id is not None and run.case_id is not None:
        yield f"case {run.case_id}"
    if run.repeat is not None:
        yield f"repeat {run.repeat}"


def _replay_words(run: RunFacts, overrides: Mapping[str, Any], replay: Replay) -> str:
    kind = "stepwise replay" if replay.get("replay_kind") == "stepwise" else "replay"
    words = f"{kind} of {str(run.source_run_id)[:SHORT_ID_DIGITS]}"
    if overrides:
        words += f" with {_override_words(overrides)}"
    if replay.get("from_node"):
        words += f" from {replay['from_node']} on"
    policies = [
        f"{called} {replay[name]}"
        for name, called in (("llm_policy", "models"), ("tool_policy", "tools"))
        if replay.get(name) not in (None, "auto")
    ]
    return words + (f" ({', '.join(policies)})" if policies else "")


def _override_words(overrides: Mapping[str, Any]) -> str:
    shown = [f"{_short(path)}={_short(value)}" for path, value in overrides.items()]
    more = len(shown) - OVERRIDES_SHOWN
    return ", ".join(shown[:OVERRIDES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _shortened(" ".join(text[:10_000].split()), VALUE_CHARS)


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def _definition(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition of a workflow as it was executed: overrides are in it already."""
    found = {**config["definition"]}
    if config.get("model") is not None:
        found["model"] = config["model"]
    nested: Any = config.get("nested")
    if is_object(nested):
        found["nested"] = {
            name: _definition(inner)
            for name, inner in nested.items()
            if is_object(inner) and is_object(inner.get("definition"))
        }
    return found


def _asked(calls: Calls, definitions: Sequence[ToolDefinitionsRow]) -> dict[str, Any]:
    """Return what models were told, by node where there are nodes."""
    by_name = {row.tools_hash: _by_name(row.definitions) for row in definitions if row.definitions}
    tools = {name: (value, _hashable(value)) for name, value in by_name.items()}
    prompts = Prompts(calls.messages)
    by_node: dict[str | None, dict[str, dict[Hashable, Any]]] = {}
    for call in calls.llm_calls:
        told = by_node.setdefault(node_of(call.node_path), {})
        for name, value, key in _told(call, prompts, tools):
            told.setdefault(name, {}).setdefault(key, value)
    plain = {
        node: {name: _one_or_all(values.values()) for name, values in told.items()}
        for node, told in by_node.items()
    }
    without_node = plain.pop(None, {})
    nodes: dict[str, Any] = {"nodes": plain} if plain else {}
    return {**without_node, **nodes}


def _told(
    call: LlmCallRow, prompts: Prompts, tools: Mapping[str, tuple[Any, Hashable]]
) -> Iterator[tuple[str, Any, Hashable]]:
    """Yield what a call was told: its name, its value, and what is equal for equal values."""
    if call.model is not None:
        yield "model", call.model, call.model
    if call.parameters:
        yield "parameters", call.parameters, _hashable(call.parameters)
    if (prompt := prompts.of(call)) is not None:
        yield "system", prompt, prompt
    if call.tools_hash is not None and (offered := tools.get(call.tools_hash)):
        yield "tools", *offered


def _one_or_all(values: Collection[Any]) -> Any:
    found = list(values)
    return found[0] if len(found) == 1 else found


def _hashable(value: Any) -> Hashable:
    """Return what is equal for equal values: thousands of them cannot be held against each other."""
    if is_object(value):
        return frozenset((key, _hashable(item)) for key, item in value.items())
    return tuple(map(_hashable, value)) if is_list(value) else value


def _by_name(definitions: Any) -> Any:
    """Return tool definitions by the names of the tools, so that their order does not count."""
    named: dict[str, Any] = {}
    for each in definitions if is_list(definitions) else []:
        function = each.get("function", each) if is_object(each) else None
        name = function.get("name") if is_object(function) else None
        if not isinstance(name, str) or name in named:
            return definitions
        named[name] = function
    return named or definitions


def _unseen(overrides: Any, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return the overrides that the configuration does not show at their own paths."""
    if not is_object(overrides):
        return {}
    return {path: value for path, value in overrides.items() if _at(configuration, path) != value}


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name, _MISSING) if is_object(value) else _MISSING
    return value


def _environment(environment: Any) -> dict[str, Any]:
    """Return what of its surroundings may have changed what a run did."""
    if not is_object(environment):
        return {}
    found = {name: environment[name] for name in _ENVIRONMENT if environment.get(name)}
    git: Any = environment.get("git")
    if is_object(git) and git.get("commit"):
        found["git_commit"] = git["commit"]
    return found
