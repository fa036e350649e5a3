"""Secrets: named in configuration, read where they are, never shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firedoor.config.secret import Secret, SecretName
from firedoor.domain.core.errors import Misconfigured


def named(**name: str) -> SecretName:
    return SecretName(**name)


def test_a_secret_comes_from_the_environment_it_was_given(tmp_path: Path) -> None:
    secret = Secret((named(env="KEY"),), {"KEY": "hunter2"}, tmp_path)
    assert secret.values() == ("hunter2",)
    assert secret.value() == "hunter2"


def test_a_file_is_read_again_when_it_changes_and_its_line_end_is_no_part_of_it(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("first\r\n")
    secret = Secret((named(file="key"),), {}, tmp_path)
    assert secret.value() == "first"
    file.write_text("the second\n")
    assert secret.value() == "the second"
    # As a mounted secret changes: by a new file in the old one's place, even of the same length and time.
    other = tmp_path / "new"
    other.write_text("the thirds\n")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.replace(file)
    assert secret.value() == "the thirds"


def test_two_secrets_are_both_good_while_one_takes_the_others_place(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("b")
    secret = Secret((named(env="OLD"), named(file="new")), {"OLD": "a"}, tmp_path)
    assert secret.values() == ("a", "b")
    assert secret.files == (tmp_path / "new",)


def test_a_file_that_has_gone_is_an_error_and_never_the_last_value(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("hunter2")
    secret = Secret((named(file="key"),), {}, tmp_path)
    assert secret.value() == "hunter2"
    file.unlink()
    for _ in range(2):
        with pytest.raises(Misconfigured, match="key cannot be read: No such file"):
            secret.value()
    file.write_text("hunter3")
    assert secret.value() == "hunter3"


@pytest.mark.parametrize("content", [b"", b"\n", b"  \r\n", b"\xff\xfe", b"x" * 70_000])
def test_a_file_without_a_secret_is_refused_each_time_and_not_shown(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    secret = Secret((named(file="key"),), {}, tmp_path)
    for _ in range(2):
        with pytest.raises(Misconfigured) as caught:
            secret.value()
        assert str(file) in str(caught.value)
        assert "xxx" not in str(caught.value)


@pytest.mark.parametrize("env", [{}, {"KEY": ""}, {"KEY": "  "}])
def test_an_empty_environment_variable_is_no_secret(tmp_path: Path, env: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="environment variable KEY is not set or empty"):
        Secret((named(env="KEY"),), env, tmp_path).values()


def test_a_secret_shows_its_place_and_never_itself(tmp_path: Path) -> None:
    secret = Secret((named(env="KEY"), named(file="k")), {"KEY": "hunter2"}, tmp_path)
    assert repr(secret) == f"Secret(environment variable KEY, file {tmp_path / 'k'})"
    assert "hunter2" not in f"{secret!r} {secret}"
