import pytest

from secondtake.backend.cli.failures import explain_failure


@pytest.mark.parametrize(
    ("module", "extra"), [("duckdb", "server"), ("litellm.types", "run"), ("ruamel.yaml", "run")]
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    module: str, extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = explain_failure(ModuleNotFoundError(f"No module named {module!r}", name=module))

    assert code == 1
    assert f"pip install 'secondtake[{extra}]'" in capsys.readouterr().err


def test_another_missing_module_is_a_fault_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    explain_failure(ModuleNotFoundError("No module named 'nope'", name="nope"))

    assert "a fault of this program" in capsys.readouterr().err
