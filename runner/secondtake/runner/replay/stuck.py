"""Why a replay ends at a call: what it says, with the cure."""

from secondtake.runner.replay.options import ReplayOptions


def no_answer(
    options: ReplayOptions, *, tool: str | None, node: str | None, is_before_fork: bool
) -> str:
    """Return why a call that the recording does not have ends the replay.

    Args:
        options: what the replay is to do.
        tool: what is called; None for a model.
        node: where.
        is_before_fork: whether the replay has not come to its fork yet.
    """
    where = f" in `{node}`" if node else ""
    what = f"this call of `{tool}`" if tool else "this LLM call"
    text = f"The recording has no answer to {what}{where}"
    differs = "its arguments are other ones" if tool else "its request is another one"
    if is_before_fork:
        return (
            f"{text}, which comes before `{options.from_node}`: {differs}, so the state there "
            "cannot be had again; fork earlier, or leave out --from."
        )
    if tool is None:
        return f"{text}: {differs}; allow it with --llm auto."
    if options.tools == "recorded":
        return f"{text}: {differs}; allow it with --tools auto."
    return (
        f"{text}, and the tool may change something: allow it with --set "
        f"tools.{tool}.on_miss=live, or give a result with --set tools.{tool}.result=VALUE."
    )


def too_early(options: ReplayOptions, path: str, *, node: str) -> str:
    """Return why a change cannot be made of what was said before the fork."""
    return (
        f"--set {path}: this comes in `{node}`, before `{options.from_node}`; fork there, with "
        f"--from {node.partition('/')[0]}, or leave out --from."
    )
