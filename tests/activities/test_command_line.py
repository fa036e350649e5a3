"""A command that a person pastes says what was meant, whatever the names are."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError
from hypothesis import given
from hypothesis import strategies as st

from activities.aws.command_line import command
from activities.aws.quarantine_user import QuarantineParams, QuarantineUser
from tests.activities.canned_aws import CannedAws
from tests.scenes.aws_cli import Misspelled, read


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_whatever_a_value_holds_the_shell_hands_it_on_as_one(value: str) -> None:
    words = shlex.split(command("iam", "get-user", user_name=value))
    assert words in (
        ["aws", "iam", "get-user", "--user-name", value],
        ["aws", "iam", "get-user", f"--user-name={value}"],
    )


@pytest.mark.parametrize("user", ["-x", "--output", "a=b", "+,.@", "$HOME"])
def test_a_name_is_never_taken_for_an_argument(user: str) -> None:
    words = shlex.split(command("iam", "get-user", user_name=user))
    assert read(words[1:]).parameters == {"UserName": user}


def test_what_is_no_text_is_spelled_as_json_and_none_is_left_out() -> None:
    written = command("s3api", "x", switches={"b": True, "a": "it's"}, region=None)
    assert shlex.split(written) == ["aws", "s3api", "x", "--switches", '{"a":"it\'s","b":true}']


def test_the_region_stands_where_the_default_is_another_partitions() -> None:
    china: Any = CannedAws({})
    china.partition, china.region = "aws-cn", "cn-north-1"
    params = QuarantineParams(user="ci-deployer")
    assert QuarantineUser(china).by_hand(params).endswith(" --region cn-north-1")
    assert "--region" not in QuarantineUser(CannedAws({})).by_hand(params)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("iamm get-user", Misspelled),
        ("iam got-user", Misspelled),
        ("iam get-user --user x", Misspelled),
        ("iam get-user --user-name -x", Misspelled),
        ("iam update-access-key --user-name x", ParamValidationError),
        ("s3api put-public-access-block --bucket b", ParamValidationError),
    ],
)
def test_the_kits_own_command_line_refuses_what_aws_would_refuse(words: str, wrong: type[Exception]) -> None:
    with pytest.raises(wrong):
        read(words.split())
