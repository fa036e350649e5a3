"""What ends by a time is made again by a later fact, and once nothing can make more of what it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from firedoor.domain.evidence.rules import violations
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.story import Story
from tests.domain.response.test_story import story
from tests.harness import NOW, finding
from tests.plans import plan_of, planned

USER = "arn:aws:iam::123456789012:user/ci"
SECOND = timedelta(seconds=1)


def sessions(**changes: Any) -> PlannedStep:
    base: dict[str, Any] = {"target": USER, "covers": NOW, "again_after": ("toy.weld",)}
    return planned("end_sessions", **{**base, **changes})


def key(**changes: Any) -> PlannedStep:
    return planned("stop_key", **{"action": "toy.weld", "target": f"{USER}/access-key/AKIA1", **changes})


def told(*steps: PlannedStep) -> Story:
    made = story()
    made.take_plan(NOW, plan_of(*steps))
    return made


def happens(made: Story, *events: str) -> None:
    for event in events:
        kind, step = event.split()
        made.note(NOW, kind, "so it was", step=step)  # type: ignore[arg-type]


def due(made: Story) -> list[str]:
    return [step.id for step in made.to_renew()]


class TestAgain:
    def test_the_cut_is_due_again_once_the_key_that_could_mint_more_is_seen_dead(self) -> None:
        made = told(sessions(), key())
        happens(made, "begun end_sessions", "begun stop_key", "applied end_sessions", "verified end_sessions")
        assert due(made) == []
        happens(made, "applied stop_key", "verified stop_key")
        assert due(made) == ["end_sessions"]
        happens(made, "begun end_sessions")
        assert due(made) == []
        happens(made, "applied end_sessions", "verified end_sessions")
        assert due(made) == []

    def test_a_cut_that_is_not_made_yet_when_the_key_dies_is_due_when_it_is_made(self) -> None:
        made = told(sessions(), key())
        happens(made, "begun end_sessions", "begun stop_key", "applied stop_key", "verified stop_key")
        assert due(made) == []
        happens(made, "applied end_sessions")
        assert due(made) == ["end_sessions"]

    def test_a_cut_that_was_begun_after_the_key_was_dead_is_not_due(self) -> None:
        made = told(sessions(), key())
        happens(made, "begun stop_key", "applied stop_key", "verified stop_key")
        happens(made, "begun end_sessions", "applied end_sessions")
        assert due(made) == []

    def test_the_key_of_another_user_changes_nothing(self) -> None:
        made = told(sessions(), key(target=f"{USER}2/access-key/AKIA1"))
        happens(made, "begun end_sessions", "begun stop_key", "applied end_sessions", "applied stop_key")
        happens(made, "verified stop_key")
        assert due(made) == []

    def test_what_was_given_back_is_not_renewed(self) -> None:
        made = told(sessions(), key())
        happens(made, "begun end_sessions", "begun stop_key", "applied end_sessions", "applied stop_key")
        happens(made, "verified stop_key", "undoing end_sessions", "undone end_sessions")
        assert due(made) == []


class TestLater:
    def test_a_later_theft_of_the_same_incident_is_news_once_the_cut_is_made(self) -> None:
        made = told(sessions())
        later = finding(uid="f-2", last_seen=NOW + SECOND, modified=NOW + SECOND)
        assert made.knows(later)
        happens(made, "begun end_sessions", "applied end_sessions")
        assert not made.knows(later)
        assert made.knows(finding(uid="f-3", last_seen=NOW, modified=NOW + SECOND))

    def test_a_later_theft_is_no_news_where_nothing_ages(self) -> None:
        made = told(planned("shut_it"))
        happens(made, "begun shut_it", "applied shut_it")
        assert made.knows(finding(uid="f-2", last_seen=NOW + SECOND, modified=NOW + SECOND))

    def test_a_begun_step_that_must_reach_further_is_to_do_again_and_gives_back_the_first(self) -> None:
        made = told(sessions())
        happens(made, "begun end_sessions", "applied end_sessions", "verified end_sessions")
        assert made.todo() == []
        moved = {"state": {"state": "value", "value": "ours, of before"}}
        made.take_plan(NOW, plan_of(sessions(covers=NOW + SECOND, before=moved)))
        (again,) = made.todo()
        assert (again.covers, again.before) == (NOW + SECOND, moved)
        assert again.first == sessions().before
        assert [step.id for step in made.owed()] == ["end_sessions"]
        assert not list(violations(made.response, made.entries))
        happens(made, "begun end_sessions", "applied end_sessions")
        made.take_plan(NOW, plan_of(sessions(covers=NOW + 2 * SECOND, before=moved)))
        assert made.todo()[0].first == sessions().before

    def test_a_cut_that_reaches_far_enough_keeps_the_plan_it_was_begun_with(self) -> None:
        made = told(sessions())
        happens(made, "begun end_sessions", "applied end_sessions")
        made.take_plan(NOW, plan_of(sessions(covers=NOW + SECOND, outcome="already", before=None)))
        assert made.todo() == []
        assert made.steps()[0].covers == NOW

    def test_nobody_is_asked_again_only_because_a_later_finding_joined(self) -> None:
        made = told(sessions())
        made.take_plan(NOW, plan_of(sessions(covers=NOW + SECOND)))
        assert made.steps() == (sessions(),)
