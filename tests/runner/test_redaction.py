from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondtake.runner.errors import SettingsError
from secondtake.runner.redaction import Redactor

KEY = b"k" * 32
SECRETS = [
    "sk-proj-AbCdEf1234567890abcdef",
    "sk-ant-api03-AbCdEf1234567890-abcdef",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_11ABCDEFG0123456789_abcdefghij",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "xoxb-1234567890-abcdefghij",
    "hf_abcdefghijklmnopqrstuvwxyz",
    "gsk_abcdefghijklmnopqrstuvwxyz",
    "glpat-abcdefghij1234567890",
    "sk_live_abcdefghij1234567890",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "SG.abcdefghijklmnopqrst.abcdefghijklmnopqrstuvw",
]


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(KEY, environ={"SERVICE_API_KEY": "plainlookingvalue77", "HOME": "/root"})


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "say {} now", "x='{}'", '{{"a":"{}"}}', "/tmp/{}.txt"])
def test_a_key_in_a_known_form_never_stays(redactor: Redactor, secret: str, around: str) -> None:
    text = redactor.text(around.format(secret))

    assert secret not in text
    assert "<secret:" in text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password=hunter2!", "hunter2!"),
        ("Password : hunter2!", "hunter2!"),
        ('{"api_key": "abc999xyz"}', "abc999xyz"),
        (r"{\"api_key\": \"abc999xyz\"}", "abc999xyz"),
        ("Authorization: Bearer abc123def456", "abc123def456"),
        ("authorization: Token abcdef999", "abcdef999"),
        ("postgres://user:s3cr3t@host/db", "s3cr3t"),
        ("https://1234567890abcdef@git.example/x.git", "1234567890abcdef"),
        ("tool --api-key abc999xyz", "abc999xyz"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENG", "wJalrXUtnFEMIK7MDENG"),
        ("GET /x?token=abcdef123456789", "abcdef123456789"),
        ("it was plainlookingvalue77 in the environment", "plainlookingvalue77"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----",
            "MIIabc",
        ),
    ],
)
def test_a_secret_that_its_place_gives_away_never_stays(
    redactor: Redactor, text: str, secret: str
) -> None:
    assert secret not in redactor.text(text)


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=2000 and token count: 5",
        "a risk-assessment-of-the-whole-thing",
        "the secret: to success",
        "a basic understanding of bearer certificates",
        "keyboard string: qwertz",
        "call_abcdefghijklmnopqrstuvwx",
        "toolu_01AbCdEfGhIjKlMnOpQrStUv",
        "https://example.org/a/b?page=2",
        "0199f3b2-4d5e-7000-8000-00000000abcd",
        "the key to a good password is length",
    ],
)
def test_everyday_text_and_ids_stay(redactor: Redactor, text: str) -> None:
    assert redactor.text(text) == text


def test_values_behind_secret_names_are_replaced_in_json(redactor: Redactor) -> None:
    value: dict[str, Any] = {
        "headers": {"X-Api-Key": "abcd1234", "Accept": "json"},
        "clientSecret": "abcd1234",
        "argv": ["run", "--password", "abcd", "--n", "2"],
        "token": "Hello",
    }

    cleaned = redactor.value(value)

    assert "abcd" not in str(cleaned)
    assert cleaned["headers"]["Accept"] == "json"
    assert cleaned["argv"][3:] == ["--n", "2"]
    assert cleaned["token"] == "Hello"


def test_a_value_found_behind_a_name_is_then_found_everywhere(redactor: Redactor) -> None:
    redactor.value({"password": "Tr0ub4dor&3"})

    assert "Tr0ub4dor" not in redactor.text("login failed for Tr0ub4dor&3")


def test_equal_secrets_stay_equal_and_other_homes_say_otherwise(redactor: Redactor) -> None:
    secret = SECRETS[0]

    assert redactor.text(secret) == redactor.text(f"{secret}")
    assert redactor.text(secret) != Redactor(b"o" * 32, environ={}).text(secret)


def test_own_patterns_are_secrets_too() -> None:
    redactor = Redactor(KEY, patterns=[r"CUST-\d{6}"], environ={})

    assert "CUST-123456" not in redactor.text("customer CUST-123456 called")


def test_a_broken_pattern_is_refused_with_the_cure() -> None:
    with pytest.raises(SettingsError, match=r"Correct it under \[redaction\]"):
        Redactor(KEY, patterns=["("], environ={})


@given(st.text(max_size=200), st.sampled_from(SECRETS), st.text(max_size=200))
def test_redacting_twice_is_redacting_once(before: str, secret: str, after: str) -> None:
    redactor = Redactor(KEY, environ={})
    once = redactor.text(f"{before} {secret} {after}")

    assert redactor.text(once) == once
    assert secret not in once
