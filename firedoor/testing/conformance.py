"""The checks that every action must pass, whatever it changes."""

# ruff: noqa: S101  these are tests

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import to_json

from firedoor.domain.action.action import Action, Already, Captured, Change, Refuse, Verdict
from firedoor.domain.action.undoing import Look, certain, undone
from firedoor.domain.core.canonical import plain
from firedoor.domain.core.errors import Rejected
from firedoor.testing.scene import LOOKS, Made, Scene
from firedoor.testing.signature import models_of

#: What no name of a vendor looks like, and a finding may hold.
_MALFORMED = ("", "*", "a/../b", "x\ny", "${aws:username}", "жжж", "x" * 4096)
#: Connectors that lead nowhere, of two places: a target is pure and needs no more of them.
_PLACES = tuple(
    SimpleNamespace(account=account, region=region, partition="aws", incident="0" * 12, changing=False)
    for account, region in (("111122223333", "eu-west-1"), ("444455556666", "ap-south-1"))
)


class Tried:
    """One action in one arranged scene, with its four verbs as the engine would call them."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.params_model, self.before_model = models_of(scene.action)
        self.params = self.params_model.model_validate_json(to_json(dict(scene.arrange())))
        self.identity = ""
        self.scene.made()

    def planned(self) -> Change | Already | Refuse:
        """Plan, as for a step that somebody is asked about: with all owners."""
        action = self.scene.act("read")
        told = action.plan(self.params)
        owners = action.owners(self.params)
        if not isinstance(told, Change):
            return told
        return told.model_copy(update={"owners": (*told.owners, *owners)})

    def before(self) -> Any:
        """Plan a change, and carry what it captured through JSON, as a history does."""
        planned = self.planned()
        assert isinstance(planned, Change), f"the scene is not to be contained: {planned.says}"
        self.identity = planned.identity
        return self.before_model.model_validate_json(planned.before.model_dump_json())

    def apply(self, before: Any) -> None:
        """Apply."""
        self.scene.act("apply").apply(self.params, before)

    def verdict(self, before: Any) -> Verdict:
        """Verify."""
        return self.scene.act("read").verify(self.params, before).verdict

    def undo(self, before: Any) -> str:
        """Undo as the engine does, and say the outcome."""
        return undone(self.scene.act("undo"), self.params, before, self.identity).outcome

    def undo_until_certain(self, before: Any) -> str:
        """Undo again and again as the engine does, a second apart, until it is certain."""
        last: Look | None = None
        now = datetime(2026, 1, 1, tzinfo=UTC)
        while True:
            end = certain(
                undone(self.scene.act("undo"), self.params, before, self.identity),
                lambda: self.scene.act("read").verify_undo(self.params, before),
                made="yes",
                last=last,
                now=now,
                settles_within=self.scene.action.settles_within,
            )
            if not isinstance(end, Look):
                return end.outcome
            last, now = end, now + timedelta(seconds=1)


class Conformance:
    """Subclass it in a test module and bring a fixture `scene`, one for each action and world."""

    @pytest.fixture
    def tried(self, scene: Scene) -> Tried:
        """Arrange the scene."""
        return Tried(scene)

    def test_plan_twice_says_the_same_and_changes_nothing(self, tried: Tried) -> None:
        """Looking never changes the world, and the same world is the same plan."""
        world = tried.scene.snapshot()
        first, second = tried.planned(), tried.planned()
        assert isinstance(first, Change)
        assert isinstance(second, Change)
        assert _compared(first) == _compared(second)
        assert tried.scene.snapshot() == world

    def test_the_plan_is_short_stable_json(self, tried: Tried) -> None:
        """What people approve is one lower-case clause; what undo needs survives a history."""
        planned = tried.planned()
        assert isinstance(planned, Change)
        assert planned.says[0].islower()
        assert not planned.says.endswith(".")
        assert "\n" not in planned.says
        assert tried.before() == planned.before

    def test_verify_is_false_before_and_true_after(self, tried: Tried) -> None:
        """Containment is what verify sees, and not that apply was called."""
        before = tried.before()
        assert tried.verdict(before) is not Verdict.YES
        tried.apply(before)
        assert tried.verdict(before) is Verdict.YES

    def test_apply_twice_is_once(self, tried: Tried) -> None:
        """A repeated attempt is one change."""
        before = tried.before()
        untouched = tried.scene.snapshot()
        tried.apply(before)
        once = tried.scene.snapshot()
        tried.apply(before)
        assert tried.scene.snapshot() == once
        assert once != untouched, "the snapshot does not see what the action does"

    def test_plan_after_apply_is_already(self, tried: Tried) -> None:
        """What is contained is not contained again."""
        tried.apply(tried.before())
        assert isinstance(tried.planned(), Already)

    def test_the_attacker_is_refused_after_apply_and_let_in_after_undo(self, tried: Tried) -> None:
        """Proof, not state: the attacker's own call, where this world enforces it."""
        if tried.scene.attack() is None:
            pytest.skip("not enforced by this emulator")
        before = tried.before()
        assert tried.scene.attack() is True
        tried.apply(before)
        assert tried.scene.attack() is False
        if _reversible(tried):
            tried.undo(before)
            assert tried.scene.attack() is True

    def test_undo_restores_the_captured_state_exactly(self, tried: Tried) -> None:
        """Everything is given back, and a repeated undo finds nothing more to do."""
        _only_if_reversible(tried)
        world = tried.scene.snapshot()
        before = tried.before()
        tried.apply(before)
        assert tried.undo(before) == "restored"
        assert tried.scene.snapshot() == world
        assert tried.undo(before) == "nothing"
        assert tried.scene.snapshot() == world
        assert isinstance(tried.planned(), Change)

    def test_a_later_fact_moves_it_and_undo_gives_back_the_first(self, tried: Tried) -> None:
        """What reaches until a time is not enough for a later fact; moved, it is undone as a whole."""
        action = tried.scene.action
        if not action.covers:
            assert not action.again_after, "what is renewed says until when it reaches"
            pytest.skip("it does not age")
        world, before = tried.scene.snapshot(), tried.before()
        tried.apply(before)
        later = tried.params.model_copy(update={action.covers: datetime(2999, 1, 1, tzinfo=UTC)})
        assert isinstance(tried.scene.act("read").plan(later), Change)
        assert tried.scene.act("read").verify(later, before).verdict is not Verdict.YES
        tried.scene.act("apply").renew(tried.params, before)
        assert tried.verdict(before) is Verdict.YES
        assert tried.undo(before) == "restored"
        assert tried.scene.snapshot() == world

    def test_undo_believes_no_single_read(self, tried: Tried) -> None:
        """Each read of undo is answered once by a replica from before apply: all is given back."""
        _only_if_reversible(tried)
        world = tried.scene.snapshot()
        before = tried.before()
        tried.scene.remember()
        assert tried.undo(before) == "nothing"
        tried.apply(before)
        tried.scene.stale()
        assert tried.undo_until_certain(before) == "restored"
        assert tried.scene.snapshot() == world

    def test_undo_is_seen_back_and_not_before(self, tried: Tried) -> None:
        """What verifies the undo says no while it is contained, and yes when it was given back."""
        _only_if_reversible(tried)
        before = tried.before()
        reading = tried.scene.act("read")
        tried.apply(before)
        assert reading.verify_undo(tried.params, before).verdict is not Verdict.YES
        tried.undo(before)
        assert reading.verify_undo(tried.params, before).verdict is Verdict.YES

    def test_undo_without_apply_is_harmless(self, tried: Tried) -> None:
        """What was never applied is not undone."""
        _only_if_reversible(tried)
        world = tried.scene.snapshot()
        assert tried.undo(tried.before()) == "nothing"
        assert tried.scene.snapshot() == world

    def test_the_command_by_hand_makes_the_same_change(self, tried: Tried) -> None:
        """Where we fail, a person pastes what stands on the card: it contains, and undo takes it back."""
        scene = tried.scene
        scene.made()
        command = scene.act("read").by_hand(tried.params)
        assert scene.made() == [], "by_hand is pure: it makes no call"
        assert bool(command) is not bool(scene.no_command), (
            "by_hand is empty exactly where the scene says why"
        )
        if not command:
            pytest.skip(scene.no_command)
        world, before = scene.snapshot(), tried.before()
        scene.paste(command)
        assert tried.verdict(before) is Verdict.YES
        assert isinstance(tried.planned(), Already)
        if _reversible(tried):
            assert tried.undo(before) == "restored"
            assert scene.snapshot() == world

    def test_an_unknown_captured_value_makes_undo_refuse(self, tried: Tried) -> None:
        """What could not be read cannot be given back, and nothing is guessed."""
        _only_if_reversible(tried)
        before = tried.before()
        tried.apply(before)
        world = tried.scene.snapshot()
        unknowns = list(_with_an_unknown(before))
        assert unknowns, "a reversible action captures at least one value with three states"
        for unknown in unknowns:
            with pytest.raises(Rejected):
                tried.undo(unknown)
        assert tried.scene.snapshot() == world

    def test_drift_after_apply_is_reported_and_not_overwritten(self, tried: Tried) -> None:
        """Somebody else changed what we wrote: a person decides."""
        _only_if_reversible(tried)
        before = tried.before()
        tried.apply(before)
        tried.scene.disturb()
        world = tried.scene.snapshot()
        assert tried.undo(before) == "drifted"
        assert tried.scene.snapshot() == world

    def test_every_name_is_proven_or_says_why_it_is_unique(self, scene: Scene) -> None:
        """A parameter that takes a name is declared, with the id that proves it or why none is needed."""
        model, _ = models_of(scene.action)
        named = {each.param: each for each in scene.action.named}
        texts = {name for name, value in scene.action.example.items() if isinstance(value, str)}
        assert texts <= set(named), "declare it in `named`"
        for each in named.values():
            assert bool(each.id) is not bool(each.unique), f"{each.param}: an id, or why its name is unique"
            for more in (each.id, each.keys):
                assert not more or more in model.model_fields, f"{more} is no parameter"
                assert not more or not model.model_fields[more].is_required(), f"{more} is not always told"

    def test_a_namesake_is_refused_and_untouched(self, tried: Tried) -> None:
        """The finding's id is another's than our thing of that name: both ids are said, nothing is done."""
        world = tried.scene.snapshot()
        for each in (one for one in tried.scene.action.named if one.id):
            params = tried.params.model_copy(update={each.id: "FOREIGNIDOFANOTHER01"})
            told = tried.scene.act("read").plan(params)
            assert isinstance(told, Refuse)
            assert "FOREIGNIDOFANOTHER01" in told.says
        assert tried.scene.snapshot() == world

    def test_who_gets_the_name_of_a_contained_one_is_left_alone(self, tried: Tried) -> None:
        """Deleted and made anew between plan, apply and undo: it is another, and the engine sees it."""
        before = tried.before()
        if not tried.identity:
            pytest.skip("its name is given to nothing else")
        identity = tried.identity
        assert tried.scene.act("read").identify(tried.params) == identity
        tried.apply(before)
        tried.scene.replace()
        world = tried.scene.snapshot()
        assert tried.scene.act("read").identify(tried.params) != identity
        if _reversible(tried):
            assert tried.undo(before) == "drifted"
        assert tried.scene.snapshot() == world

    def test_an_irreversible_action_has_no_undo(self, tried: Tried) -> None:
        """What cannot be undone says so in its type."""
        assert (type(tried.scene.act("read")).undo is Action.undo) is not _reversible(tried)

    def test_a_lost_reply_of_apply_neither_doubles_nor_fails(self, tried: Tried) -> None:
        """Each write of apply in turn happens and its answer is lost: one change, undone as a whole."""
        world = tried.scene.snapshot()
        before = tried.before()
        for write in self._writes(tried, before):
            tried.scene.lose_reply(write)
            tried.apply(before)
            assert tried.verdict(before) is Verdict.YES
            once = tried.scene.snapshot()
            tried.apply(before)
            assert tried.scene.snapshot() == once
            if _reversible(tried):
                assert tried.undo(before) == "restored"
                assert tried.scene.snapshot() == world

    def test_a_lost_reply_of_undo_neither_doubles_nor_fails(self, tried: Tried) -> None:
        """The same for the way back."""
        _only_if_reversible(tried)
        world = tried.scene.snapshot()
        before = tried.before()
        tried.apply(before)
        tried.scene.made()
        tried.undo(before)
        for write in _writes(tried.scene.made()):
            tried.apply(before)
            tried.scene.lose_reply(write)
            tried.undo(before)
            assert tried.scene.snapshot() == world

    def test_declared_permissions_are_what_is_used(self, tried: Tried) -> None:
        """Nothing is asked for in vain, and nothing is used that was not asked for."""
        used: dict[str, set[str]] = {"read": set(), "apply": set(), "undo": set()}
        before = tried.before()
        tried.verdict(before)
        used["read"] |= _permissions(tried)
        tried.apply(before)
        used["apply"] |= _permissions(tried)
        tried.verdict(before)
        tried.planned()
        used["read"] |= _permissions(tried)
        if _reversible(tried):
            tried.undo(before)
            used["undo"] |= _permissions(tried)
        declared = tried.scene.action.permissions
        for phase, names in used.items():
            asked = getattr(declared, phase)
            assert sorted(set(asked)) == sorted(asked), f"{phase}: doubled or unsorted"
            assert names - set(asked) == set(), f"{phase}: used and not declared"
            assert set(asked) - names - set(tried.scene.implied) == set(), f"{phase}: declared and not used"

    def test_a_read_that_only_informs_holds_nothing_up(self, tried: Tried) -> None:
        """Each read is denied in turn: only what decides, or what undo needs, may refuse."""
        action = tried.scene.action
        assert set(action.decides) <= set(action.permissions.read), "what decides is a read that is declared"
        for each in sorted(set(action.permissions.read) - set(action.decides)):
            tried.scene.deny(each)
            planned = tried.planned()
            assert isinstance(planned, Change), f"without {each}: {planned.says}"
        tried.scene.deny()
        before = tried.before()
        tried.apply(before)
        assert tried.verdict(before) is Verdict.YES

    def test_the_example_is_valid_and_names_a_target(self, scene: Scene) -> None:
        """The worked example of the documentation works."""
        model, _ = models_of(scene.action)
        assert scene.act("read").target(model.model_validate(dict(scene.action.example)))
        assert scene.made() == [], "target is pure: it makes no call"

    def test_the_target_is_where_the_connector_is(self, scene: Scene) -> None:
        """Guards are asked about the place of a step: a target names that account and region, or none."""
        model, _ = models_of(scene.action)
        example = model.model_validate(dict(scene.action.example))
        for there in _PLACES:
            made: Any = scene.action  # every action takes its connector
            target = made(there).target(example)
            named = [*target.split(":", 5)[3:5], "", ""] if target.startswith("arn:") else ["", ""]
            assert named[0] in ("", there.region), f"{target} is in a region of its own choosing"
            assert named[1] in ("", there.account), f"{target} is in an account of its own choosing"

    def test_a_malformed_name_is_refused_when_it_is_read(self, scene: Scene) -> None:
        """No text of a finding reaches a call unless it is a name the vendor could have given."""
        model, _ = models_of(scene.action)
        example = dict(scene.action.example)
        for name in (name for name, value in example.items() if isinstance(value, str)):
            for wrong in _MALFORMED:
                with pytest.raises(ValueError, match=name):
                    model.model_validate({**example, name: wrong})

    @staticmethod
    def _writes(tried: Tried, before: Any) -> list[Made]:
        """Return the writes of apply, by applying once where it can be taken back."""
        if not _reversible(tried):
            operations = (name.split(":") for name in tried.scene.action.permissions.apply)
            made = [Made(service, operation, "") for service, operation in operations]
            return _writes(made)
        tried.scene.made()
        tried.apply(before)
        writes = _writes(tried.scene.made())
        tried.undo(before)
        return writes


def _compared(planned: Change) -> Any:
    """Return what a drift check compares: not what moves by itself."""
    return (planned.says, plain(planned.before), [consequence.says for consequence in planned.consequences])


def _reversible(tried: Tried) -> bool:
    return tried.scene.action.reversibility.kind != "none"


def _only_if_reversible(tried: Tried) -> None:
    if not _reversible(tried):
        pytest.skip("irreversible by declaration")


def _writes(made: list[Made]) -> list[Made]:
    return list(dict.fromkeys(call for call in made if not call.operation.startswith(LOOKS)))


def _permissions(tried: Tried) -> set[str]:
    return {call.permission for call in tried.scene.made() if call.permission}


def _with_an_unknown(value: Any) -> Iterator[Any]:
    """Yield copies of a model, each with one of its captured values unknown."""
    if isinstance(value, Captured):
        yield type(value).unknown()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            for changed in _with_an_unknown(getattr(value, name)):
                yield value.model_copy(update={name: changed})
    elif isinstance(value, (tuple, dict)):
        places = value.items() if isinstance(value, dict) else enumerate(value)
        for place, item in places:
            for changed in _with_an_unknown(item):
                copied = dict(value) if isinstance(value, dict) else list(value)
                copied[place] = changed
                yield type(value)(copied)
