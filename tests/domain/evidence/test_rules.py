"""The laws of a ledger: what was done was planned, what was asked had its yes, and the count is made again.

Each tampered ledger here is sealed anew with the trusted key: the chain holds, and the story does not.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from firedoor.connectors.signing import SigningKey, check, generate
from firedoor.domain.approval.policy import ApprovalRule, BreakGlass
from firedoor.domain.approval.vote import Proof, Voter
from firedoor.domain.evidence.pack import seal
from firedoor.domain.evidence.verify import Verdict, verify
from firedoor.domain.response.ledger import Entry
from tests.ledgers import GATEWAYS, RESPONSE, RULE, Lived, incident, lived, step

KEY = SigningKey.from_pem(generate())
REASON = "the data is leaving right now and nobody answers"
ALONE = ApprovalRule(from_=("secops-leads",), quorum=1, within=timedelta(minutes=30))
GLASS = BreakGlass(people=("dave",), review=ALONE)
SIGNED = ALONE.model_copy(update={"step_up": True})
PROCEED = ALONE.model_copy(update={"then": "proceed"})
ESCALATE = RULE.but(then="escalate", to=("secops-managers",))
STORM = ApprovalRule(from_=("secops-managers",), quorum=1, within=timedelta(minutes=30))


def judge(entries: tuple[Entry, ...]) -> Verdict:
    return verify(seal(RESPONSE, entries, KEY), check, KEY.public_key, gateways=GATEWAYS)


def wrong(entries: tuple[Entry, ...]) -> list[str]:
    """Return what is to be said against a ledger; the file is genuine, and its words are another test's."""
    verdict = judge(entries)
    assert verdict.intact
    assert {each.about for each in verdict.objections} <= {"ledger", "word"}
    return [each.says for each in verdict.objections if each.about == "ledger"]


def changed(
    entries: tuple[Entry, ...], kind: str, change: Callable[[dict[str, Any]], None], nth: int = 0
) -> tuple[Entry, ...]:
    """Change the facts of one entry."""
    at = [place for place, entry in enumerate(entries) if entry.kind == kind][nth]
    data = copy.deepcopy(entries[at].data)
    change(data)
    return (*entries[:at], entries[at].model_copy(update={"data": data}), *entries[at + 1 :])


def without(entries: tuple[Entry, ...], kind: str, nth: int = 0) -> tuple[Entry, ...]:
    """Leave one entry out."""
    at = [place for place, entry in enumerate(entries) if entry.kind == kind][nth]
    return entries[:at] + entries[at + 1 :]


def with_rule(rule: ApprovalRule, **policy: Any) -> Lived:
    """Plan the deletion under a rule, and ask for it."""
    asked = step("delete_key", asked=True).model_copy(update={"approval": rule})
    return Lived(step("stop_key"), asked, **policy).ask()


def closed(told: Lived) -> tuple[Entry, ...]:
    return told.close().entries


def proof(told: Lived, **changes: Any) -> Proof:
    base: dict[str, Any] = {
        "kind": "passkey",
        "by": "laptop",
        "plan_sha256": told.story.asks["apply"].plan_sha256,
        "at": told.at,
    }
    return Proof(**{**base, **changes})


def broken_glass() -> Lived:
    told = with_rule(RULE, break_glass=GLASS)
    told.vote("dave", break_glass=True, comment=REASON, voter=Voter(person="dave", groups=()))
    return told.confirm().decide().carry_out("delete_key")


def reviewed(told: Lived) -> Lived:
    told.vote("lin", slot="review").confirm(slot="review").decide("review")
    told.story.end_review(told.later())
    return told


# ---- what is as it must be -----------------------------------------------------------------


def test_a_response_that_went_its_whole_way_is_proven() -> None:
    assert judge(closed(lived())).ok


def test_a_no_and_what_was_not_done_is_proven() -> None:
    assert wrong(closed(Lived().ask().carry_out("stop_key").vote("ada", "reject").decide())) == []


def test_silence_that_escalates_and_ends_as_a_no_is_proven() -> None:
    told = with_rule(ESCALATE).escalate()
    told.vote("max", voter=Voter(person="max", groups=("secops-managers",)))
    assert wrong(closed(told.wait().decide())) == []


def test_a_quorum_that_lost_a_vote_and_found_another_is_proven() -> None:
    told = Lived().ask().vote("ada").vote("lin").confirm(without=("ada",)).vote("bea").confirm().decide()
    assert wrong(closed(told.carry_out("delete_key"))) == []


def test_a_broken_glass_that_others_looked_at_is_proven() -> None:
    assert wrong(closed(reviewed(broken_glass()))) == []


def test_a_broken_glass_that_nobody_looked_at_in_time_is_proven_once_that_is_written_down() -> None:
    told = broken_glass()
    told.at = told.story.asks["review"].deadline
    told.decide("review").story.end_review(told.later())
    assert wrong(closed(told)) == []


def test_silence_that_means_yes_is_proven_for_what_can_be_taken_back_in_full() -> None:
    asked = step("stop_key").model_copy(update={"approval": PROCEED})
    assert wrong(closed(Lived(asked).ask().wait().decide().carry_out("stop_key"))) == []


def test_a_signed_yes_is_proven() -> None:
    told = with_rule(SIGNED)
    told.vote("ada", proof=proof(told)).confirm().decide()
    assert wrong(closed(told.carry_out("delete_key"))) == []


def test_a_plan_made_anew_while_people_think_keeps_their_votes_where_its_effect_is_the_same() -> None:
    seen = step("delete_key", asked=True)
    later = seen.consequences[0].model_copy(update={"observed": "last used 1 minute ago"})
    told = (
        Lived().ask().vote("ada").plan(step("stop_key"), seen.model_copy(update={"consequences": (later,)}))
    )
    assert wrong(closed(told.vote("lin").confirm().decide().carry_out("delete_key"))) == []


def test_a_snooze_a_reminder_and_a_reassignment_change_nothing_of_the_count() -> None:
    told = Lived().ask()
    told.story.remind(told.later(), "apply")
    told.story.note(told.later(), "snoozed", "ada wants to be reminded at 02:30 UTC")
    told.story.note(told.later(), "reassigned", "ada asked lin to look")
    assert wrong(closed(told.vote("ada").vote("lin").confirm().decide().carry_out("delete_key"))) == []


def test_an_undo_that_others_let_is_proven() -> None:
    told = lived().undo("ada").vote("lin", slot="undo").vote("bea", slot="undo").confirm(slot="undo")
    assert wrong(closed(told.decide("undo").give_back("stop_key"))) == []


def test_what_a_failed_step_gives_back_needs_nobodys_yes() -> None:
    failed = Lived().carry_out("stop_key")
    failed.story.note(failed.later(), "failed", "AWS said no", step="stop_key")
    assert wrong(closed(failed.give_back("stop_key"))) == []


def test_what_is_given_back_because_of_a_cancel_alone_is_not_proven() -> None:
    cancelled = Lived().carry_out("stop_key")
    says = "the response was cancelled: no reason given; everything is given back"
    cancelled.story.note(cancelled.later(), "noted", says)
    assert "nobody let it and nothing failed" in wrong(closed(cancelled.give_back("stop_key")))[0]


# ---- deeds without a yes -------------------------------------------------------------------


def test_nothing_that_needs_a_yes_is_begun_without_a_granted_decision() -> None:
    assert wrong(without(closed(lived()), "decided")) == [
        "entry 8 (begun) begins step 'delete_key', and no granted decision covers it as it was planned then"
    ]


def test_nothing_is_begun_after_a_no() -> None:
    told = Lived().ask().vote("ada", "reject").decide().carry_out("delete_key")
    assert "no granted decision covers it" in wrong(closed(told))[0]


def test_a_yes_covers_the_plan_that_was_asked_and_not_one_that_moved() -> None:
    told = Lived().ask().vote("ada").vote("lin").confirm().decide()
    moved = step("delete_key", asked=True).model_copy(update={"says": "delete every key of bob"})
    told.story.note(
        told.later(), "drifted", moved.says, step=moved.id, data={"plan": moved.model_dump(mode="json")}
    )
    told.story.replace(moved)
    assert "no granted decision covers it" in wrong(closed(told.carry_out("delete_key")))[0]


def test_what_cannot_be_undone_needs_a_yes_whatever_its_plan_says() -> None:
    unasked = step("delete_key", asked=True).model_copy(update={"approval": None})
    assert "no granted decision covers it" in wrong(closed(Lived(unasked).carry_out("delete_key")))[0]


def test_nothing_is_begun_that_no_plan_has() -> None:
    told = Lived().carry_out("stop_key")
    told.story.note(told.later(), "begun", "delete it all", step="delete_all")
    told.story.note(told.later(), "applied", "done", step="delete_all")
    assert "no plan says to" in wrong(closed(told))[0]


def test_nothing_is_taken_back_that_nobody_let() -> None:
    assert "nobody let it" in wrong(closed(Lived().carry_out("stop_key").give_back("stop_key")))[0]


def test_nothing_is_begun_in_shadow() -> None:
    told = Lived()
    told.story.incident = incident(playbook=incident().playbook.model_copy(update={"mode": "shadow"}))
    shadow = told.story.incident.playbook
    told.story.entries[0].data.update(playbook=shadow.model_dump(mode="json"), playbook_sha256=shadow.sha256)
    assert "in shadow" in wrong(closed(told.carry_out("stop_key")))[0]


# ---- the count is made again ---------------------------------------------------------------


def test_a_vote_that_was_removed_is_missed() -> None:
    assert wrong(without(closed(lived()), "voted"))[0] == (
        "entry 7 (decided) counts 1 vote that the ledger does not hold"
    )


def test_a_vote_that_was_removed_from_the_decision_as_well_leaves_it_short() -> None:
    entries = without(closed(lived()), "voted", 1)
    entries = changed(entries, "decided", lambda data: data["ask"]["votes"].pop())
    says = wrong(entries)
    assert says[0] == "entry 7 (decided) says 'granted', and the votes in the ledger make it pending, 1 short"
    assert "no granted decision covers it" in says[1]


def test_a_quorum_that_was_complete_and_then_partly_fell_is_not_granted() -> None:
    told = Lived().ask().vote("ada").vote("lin").confirm(without=("ada",))
    fallen = told.story.entries[-2].data["vote"]
    told.story.asks["apply"] = told.story.asks["apply"].model_copy(update={"confirmed": True})

    def put_back(data: dict[str, Any]) -> None:
        data["ask"]["votes"].append(fallen)
        data["state"] = "granted"

    entries = changed(closed(told.decide().carry_out("delete_key")), "decided", put_back)
    says = wrong(entries)
    assert "counts 1 vote that the ledger does not hold" in says[0]
    assert "make it pending, 1 short" in says[1]
    assert "no granted decision covers it" in says[2]


def test_a_quorum_that_nobody_looked_up_again_is_not_granted() -> None:
    entries = changed(closed(lived()), "decided", lambda data: data["ask"].update(confirmed=False))
    assert "make it confirming" in wrong(entries)[0]


def test_a_directory_that_could_not_be_read_is_a_no() -> None:
    entries = changed(closed(lived()), "decided", lambda data: data["ask"].update(unconfirmed=True))
    assert "make it expired" in wrong(entries)[0]


def test_one_person_is_counted_once() -> None:
    entries = closed(lived())
    twice = json.loads(json.dumps(next(entry.data["vote"] for entry in entries if entry.kind == "voted")))

    def again(data: dict[str, Any]) -> None:
        data["vote"] = {**twice, "id": "another"}

    assert "you have voted already" in wrong(changed(entries, "voted", again, 1))[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda vote: vote["voter"].update(groups=["sales"]), "you are not in secops-leads"),
        (lambda vote: vote["voter"].update(names=["BOB"]), "the finding is about you"),
        (lambda vote: vote["voter"].update(names=["mona@example.com"]), "the last to change this playbook"),
        (lambda vote: vote.update(fingerprint="0000-0000-0000"), "the plan has changed"),
        (lambda vote: vote.update(ask="9", fingerprint="0000-0000-0000"), "on nothing that was asked"),
        (lambda vote: vote.update(generation=2), "this card is out of date"),
        (lambda vote: vote.update(unbound="a stranger"), "a stranger"),
    ],
)
def test_a_vote_that_the_rules_do_not_let_count_is_named(
    change: Callable[[dict[str, Any]], None], why: str
) -> None:
    says = wrong(changed(closed(lived()), "voted", lambda data: change(data["vote"])))
    assert says[0].startswith("entry 6 (voted)")
    assert why in says[0]


def test_an_ask_whose_rules_were_lowered_is_named() -> None:
    def lower(data: dict[str, Any]) -> None:
        data["ask"]["rules"][0]["quorum"] = 1

    assert (
        "asks other people, or fewer, than the plan says"
        in wrong(changed(closed(lived()), "asked", lower))[0]
    )


def test_an_ask_that_lets_the_subject_of_the_finding_vote_is_named() -> None:
    entries = changed(closed(lived()), "asked", lambda data: data["ask"].update(subjects=[]))
    assert "leaves out somebody who may not say yes" in wrong(entries)[0]


def test_a_plan_hash_that_was_swapped_is_named() -> None:
    def swap(data: dict[str, Any]) -> None:
        data["ask"]["plan_sha256"] = "ab" * 32

    entries = closed(lived())
    assert "its hash is another" in wrong(changed(entries, "asked", swap))[0]
    assert "decides something else than what was asked" in wrong(changed(entries, "decided", swap))[0]


def test_a_plan_that_was_rewritten_after_people_signed_it_is_named() -> None:
    def worse(data: dict[str, Any]) -> None:
        data["plan"]["steps"][1]["says"] = "delete access key of alice"

    assert "its hash is another" in wrong(changed(closed(lived()), "planned", worse))[0]


def test_a_state_that_the_votes_do_not_make_is_named() -> None:
    told = Lived().ask().vote("ada", "reject").decide()
    entries = changed(closed(told), "decided", lambda data: data.update(state="granted"))
    assert "says 'granted', and the votes in the ledger make it rejected" in wrong(entries)[0]


def test_a_deadline_that_was_moved_is_named() -> None:
    def later(data: dict[str, Any]) -> None:
        data["ask"]["deadline"] = "2030-01-01T00:00:00Z"

    assert "something else than what was asked" in wrong(changed(closed(lived()), "decided", later))[0]


def test_more_people_are_asked_only_where_the_rule_says_so() -> None:
    entries = closed(with_rule(ESCALATE).escalate())
    never = changed(changed(entries, "asked", _reject_at_silence), "asked", _reject_at_silence, 1)
    assert any("asks more people, and the rules did not let it" in each for each in wrong(never))


def _reject_at_silence(data: dict[str, Any]) -> None:
    data["ask"]["rules"][0].update(then="reject", to=[])


# ---- acting alone --------------------------------------------------------------------------


def test_a_broken_glass_without_its_review_is_named() -> None:
    says = wrong(closed(broken_glass()))
    assert len(says) == 1
    assert says[0].startswith("entry 5 (decided) lets one person act alone, and no review of that is told")


def test_the_reason_for_breaking_the_glass_cannot_be_left_out() -> None:
    entries = closed(reviewed(broken_glass()))
    assert "stands where the reason for breaking the glass belongs" in wrong(without(entries, "glass"))[0]
    silent = changed(entries, "voted", lambda data: data["vote"].update(comment=""))
    assert "breaking the glass needs its reason in writing" in wrong(silent)[0]
    at = [entry.kind for entry in entries].index("glass")
    told = entries[at].model_copy(update={"says": "dave acts alone: no reason"})
    assert "does not tell the reason" in wrong((*entries[:at], told, *entries[at + 1 :]))[0]


def test_nobody_acts_alone_whom_the_policy_does_not_name() -> None:
    told = reviewed(broken_glass())
    entries = changed(closed(told), "voted", lambda data: data["vote"]["voter"].update(person="eve"))
    assert "only people whom the policy names" in wrong(entries)[0]
    named = changed(closed(told), "asked", lambda data: data["ask"]["glass"].append("eve"))
    assert "lets other people act alone than the plan says" in wrong(named)[0]


def test_nobody_reviews_themselves() -> None:
    told = reviewed(broken_glass())
    entries = changed(closed(told), "asked", lambda data: data["ask"].update(requester=None), 1)
    assert "names another requester" in wrong(entries)[0]


# ---- silence, signatures, many at once -----------------------------------------------------


def test_silence_is_no_yes_before_the_deadline_nor_where_no_rule_says_so() -> None:
    asked = step("stop_key").model_copy(update={"approval": PROCEED})
    told = closed(Lived(asked).ask().wait().decide().carry_out("stop_key"))
    at = [entry.kind for entry in told].index("decided")
    early = told[at].model_copy(update={"at": told[at].at - timedelta(minutes=5)})
    assert "make it pending, 1 short" in wrong((*told[:at], early, *told[at + 1 :]))[0]
    quiet = closed(Lived().ask().wait().decide().carry_out("delete_key"))
    forced = changed(quiet, "decided", lambda data: data.update(state="granted"))
    assert "make it expired, 2 short" in wrong(forced)[0]


def test_silence_is_no_yes_for_what_cannot_be_taken_back_in_full() -> None:
    told = with_rule(PROCEED).wait().decide().carry_out("delete_key")
    assert "lets silence mean yes for something that cannot be taken back in full" in wrong(closed(told))[0]


def test_a_signature_that_was_removed_is_missed() -> None:
    told = with_rule(SIGNED)
    entries = closed(told.vote("ada", proof=proof(told)).confirm().decide().carry_out("delete_key"))

    def unsigned(data: dict[str, Any]) -> None:
        data["vote"]["proof"] = None

    says = wrong(changed(entries, "voted", unsigned))
    assert "signed by a fresh sign-in or a passkey" in says[0]
    assert "tells a vote otherwise than it was cast" in says[1]


def test_a_signature_over_another_plan_or_an_old_one_proves_nothing() -> None:
    told = with_rule(SIGNED)
    entries = closed(told.vote("ada", proof=proof(told)).confirm().decide().carry_out("delete_key"))
    for changes in ({"plan_sha256": "cd" * 32}, {"at": "2026-11-22T01:00:00Z"}):

        def other(data: dict[str, Any], changes: dict[str, str] = changes) -> None:
            data["vote"]["proof"].update(changes)

        assert "signed by a fresh sign-in or a passkey" in wrong(changed(entries, "voted", other))[0]


def test_a_word_about_many_needs_the_storms_people_as_well() -> None:
    told = with_rule(ALONE, storm=STORM).vote("ada", among="ab" * 32)
    told.vote("max", voter=Voter(person="max", groups=("secops-managers",)))
    entries = closed(told.confirm().decide().carry_out("delete_key"))
    assert wrong(entries) == []

    def one(data: dict[str, Any]) -> None:
        data["ask"]["votes"] = data["ask"]["votes"][:1]

    short = changed(without(entries, "voted", 1), "decided", one)
    assert "make it pending, 1 short" in wrong(short)[0]


# ---- whatever else it holds ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["received", "planned", "asked", "voted", "decided"])
def test_an_entry_without_its_facts_is_an_objection_and_no_error(kind: str) -> None:
    entries = changed(closed(lived()), kind, lambda data: data.update(dict.fromkeys(data, "x")))
    assert any("cannot be read" in each for each in wrong(entries))


def test_evidence_under_another_responses_name_does_not_fit_the_plan_that_was_signed() -> None:
    verdict = verify(
        seal("respond/leaked_access_key/" + "0" * 32, closed(lived()), KEY), check, KEY.public_key
    )
    assert any("its hash is another" in each.says for each in verdict.objections)


def test_the_first_objection_names_its_entry() -> None:
    first = judge(without(closed(lived()), "decided")).objections[0]
    assert (first.about, first.seq, first.kind) == ("ledger", 8, "begun")
