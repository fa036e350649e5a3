"""What is protected is never contained, however it is named."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.domain.guard.protected import Protected
from firedoor.domain.yaml.reader import Problems, load, read

IAM = "arn:aws:iam::123456789012"


def protected(*targets: str) -> Protected:
    lines = [f"  - {{target: '{target}', why: because}}" for target in targets]
    return load(read("\n".join(["protected:", *lines]), "protected.yaml"), Protected)


@pytest.mark.parametrize(
    ("named", "target"),
    [
        (f"{IAM}:role/Breaker", f"{IAM}:role/Breaker"),
        (f"{IAM}:role/Breaker", f"{IAM}:role/breaker"),
        ("arn:aws:iam::*:role/Break*", f"{IAM}:role/BreakGlass-1"),
        ("arn:*:role/*Glass*", f"{IAM}:role/BreakGlass-1"),
        (f"{IAM}:user/ann", f"{IAM}:user/ann/access-key/AKIAIOSFODNN7EXAMPLE"),
        ("arn:aws:iam::*:user/ann", f"{IAM}:user/ann/access-key/AKIAIOSFODNN7EXAMPLE"),
        (f"{IAM}:role/ops/night/Breaker", f"{IAM}:role/Breaker"),
        ("arn:aws:iam::*:role/ops/Break*", f"{IAM}:role/BreakGlass"),
        ("arn:aws:s3:::logs-*", "arn:aws:s3:::logs-2026"),
        ("logs-*", "arn:aws:s3:::logs-2026"),
        ("sg-0123", "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0123"),
        ("AKIAIOSFODNN7EXAMPLE", f"{IAM}:user/ann/access-key/AKIAIOSFODNN7EXAMPLE"),
        ("ann", f"{IAM}:user/ann"),
        ("arn:aws:lambda:*:function:pay", "arn:aws:lambda:us-east-1:123456789012:function:pay:live"),
        ("*", "arn:aws:s3:::anything"),
    ],
)
def test_a_protected_target_is_known_by_arn_pattern_and_id(named: str, target: str) -> None:
    assert protected("other", named).protects(target) == f"{target} is protected: because"


@pytest.mark.parametrize(
    ("named", "target"),
    [
        (f"{IAM}:role/Breaker", f"{IAM}:role/Breakers"),
        (f"{IAM}:role/Breaker", f"{IAM}:user/Breaker"),
        ("arn:aws:iam::999999999999:role/*", f"{IAM}:role/Breaker"),
        ("logs", "arn:aws:s3:::logs-2026"),
        ("logs", "arn:aws:s3:::my-logs"),
        ("arn:aws:s3:::a?b", "arn:aws:s3:::axb"),
        ("arn:aws:s3:::[a]", "arn:aws:s3:::a"),
        ("arn:aws:s3:::ab*ba", "arn:aws:s3:::aba"),
        ("sg-1", "arn:aws:ec2:us-east-1:123456789012:security-group/sg-12"),
    ],
)
def test_what_is_not_named_is_not_protected(named: str, target: str) -> None:
    assert protected(named).protects(target) is None


def test_nothing_named_protects_nothing() -> None:
    assert load(read("protected: []", "p"), Protected).protects("arn:aws:s3:::b") is None


def test_an_identity_told_apart_by_its_path_alone_is_refused_for_it_would_protect_nothing() -> None:
    with pytest.raises(Problems) as caught:
        protected("arn:aws:iam::*:role/ops/*")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (2, 14)
    assert "by their path alone" in problem.found
    assert "BreakGlass*" in problem.mend


@settings(deadline=None)
@given(
    st.lists(st.text("ab*", max_size=6), min_size=1, max_size=4).map(":".join), st.text("ab:", max_size=24)
)
def test_a_star_is_anything_and_nothing_else_is_special(pattern: str, target: str) -> None:
    import re

    named = f"arn:{pattern}"
    expected = re.fullmatch(".*".join(map(re.escape, named.split("*"))) + "([:/].*)?", f"arn:{target}")
    assert (protected(named).protects(f"arn:{target}") is not None) == (expected is not None)


def test_a_hostile_name_costs_no_more_than_a_plain_one() -> None:
    # With a backtracking matcher this would not end: no clock is needed to see it.
    assert protected("arn:" + "*a" * 60 + "b").protects("arn:" + "a" * 4000) is None
