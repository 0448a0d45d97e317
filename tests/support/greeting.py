"""The smallest workflow that has all its parts, for tests of the command line."""

from typing import Final

GREETING: Final = """\
name: greet
inputs:
  who: {type: string}
  times: {type: integer, default: 1}
state:
  greeting: {type: string}
nodes:
  say:
    kind: llm
    prompt: "Greet {{ who }}, {{ times }} times."
    output: greeting
edges:
  - {from: START, to: say}
  - {from: say, to: END}
output: greeting
"""
"""Of no model: those of the settings answer, or those that a test names."""
