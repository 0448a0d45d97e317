"""Workflows and code that the tests of the workers execute."""

from pathlib import Path

from secondtake.runner.settings import Settings, load_settings

SLOW = """
name: slow
state: {text: {type: string}}
nodes:
  think: {kind: llm, prompt: "Write three long paragraphs about heat pumps.", output: text}
  again: {kind: llm, prompt: "Write three long paragraphs about {{ text }}.", output: text}
  more: {kind: llm, prompt: "Write three long paragraphs about {{ text }}.", output: text}
edges:
  - {from: START, to: think}
  - {from: think, to: again}
  - {from: again, to: more}
  - {from: more, to: END}
"""
ASK = """
name: ask
state: {verdict: {type: string}}
nodes:
  approve: {kind: human, question: "Send it?", choices: [send, rewrite], output: verdict}
edges:
  - {from: START, to: approve}
  - {from: approve, to: END}
"""
CODE = """
name: code
inputs: {what: {type: string}}
state: {result: {type: string}}
nodes:
  step: {kind: python, function: "my_steps:{FUNCTION}", inputs: [what], output: result}
edges:
  - {from: START, to: step}
  - {from: step, to: END}
"""
STEPS = """
import os, sys, time

def shout(what):
    print('{"said": "finished"}', flush=True)
    os.write(1, b"shouted\\n")
    return what + repr(sys.stdin.read())

def block(what):
    time.sleep(60)

def die(what):
    os._exit(3)
"""


def settings_with_flows(folder: Path, **more: object) -> Settings:
    """Write workflows and trusted code into a folder, and return settings for it."""
    root = folder / "flows"
    root.mkdir(parents=True)
    (root / "slow.yaml").write_text(SLOW)
    (root / "ask.yaml").write_text(ASK)
    for function in ("shout", "block", "die", "missing"):
        (root / f"{function}.yaml").write_text(CODE.replace("{FUNCTION}", function))
    (folder / "my_steps.py").write_text(STEPS)
    (folder / "secondtake.toml").write_text('[trusted]\nmodules = ["my_steps"]\n')
    flags = {"home": folder / "home", "workflows_root": root, **more}
    return load_settings(flags, cwd=folder)
