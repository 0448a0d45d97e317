"""The service that loads, with the user's settings."""

from pathlib import Path

from secondtake.backend.local import LocalBackend
from secondtake.runner.settings import load_settings


def test_a_rejected_line_is_kept_without_what_the_users_patterns_name(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "secondtake.toml").write_text("[redaction]\npatterns = ['CUST-\\d{6}']\n")
    journal = home / "journal"
    journal.mkdir(parents=True)
    header = '{"kind":"segment","format":1,"schema_version":1,"segment":"w-1","writer_id":"w"}'
    (journal / "w-1.ndjson").write_text(header + '\n{"kind":"odd","note":"CUST-123456"}\n')

    result = LocalBackend(load_settings()).load()

    (rejected,) = (home / "rejected").iterdir()
    assert result.rejected == 1
    assert "odd" in rejected.read_text()
    assert "CUST-123456" not in rejected.read_text()
