"""What people are told from evidence: who, when, how long, and what is left."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from firedoor.domain.approval.policy import ApprovalRule, BreakGlass
from firedoor.domain.approval.vote import Proof, Voter
from firedoor.domain.evidence.pack import Head, Pack
from firedoor.domain.evidence.summary import Summary, summarise
from firedoor.domain.response.ledger import Entry
from firedoor.domain.response.messages import Nudged, ReassignRequest, SnoozeRequest
from tests.ledgers import RESPONSE, RULE, START, Lived, Telling, lived, playbook, step, whole

SECOND = timedelta(seconds=1)


def told(entries: tuple[Entry, ...]) -> Summary:
    head = Head(
        version=1, response=RESPONSE, entries=len(entries), head="ab" * 32, sealed_at="", public_key=""
    )
    return summarise(Pack(head=head, keyid="cd" * 32, entries=entries))


def test_it_says_what_was_answered_by_what_and_how_it_ended() -> None:
    summary = told(whole())
    assert (summary.response, summary.playbook, summary.status) == (RESPONSE, "leaked_access_key", "closed")
    assert summary.playbook_sha256 == playbook().sha256
    assert summary.finding["severity"] == "high"
    assert summary.finding["raw_sha256"] == "ab" * 32
    assert summary.head_fingerprint == "ABAB-ABAB-ABAB"


def test_the_timeline_has_every_entry_with_who_and_when() -> None:
    rows = told(whole()).timeline
    assert [(row.seq, row.kind) for row in rows] == [(seq, entry.kind) for seq, entry in enumerate(whole())]
    assert rows[0].who == "aws.guardduty"
    assert [row.who for row in rows if row.kind == "voted"] == ["ada", "lin"]
    assert {row.who for row in rows if row.kind in {"planned", "begun", "closed"}} == {"firedoor"}
    assert rows[4].after == 4 * SECOND
    assert [row.step for row in rows if row.kind == "begun"] == ["stop_key", "delete_key"]


def test_it_names_the_person_who_asked_for_undo() -> None:
    entries = (
        Telling().receive().note("undo_requested", "ada asked for it", request={"person": "ada"}).entries
    )
    assert told(tuple(entries)).timeline[-1].who == "ada"


def test_an_ask_is_told_with_its_votes_and_its_outcome() -> None:
    [ask] = told(whole()).asks
    assert (ask.kind, ask.groups, ask.quorum, ask.outcome) == ("apply", ("secops-leads",), 2, "granted")
    assert ask.asked_at == START + 2 * SECOND
    assert [(vote.person, vote.decision, vote.door) for vote in ask.votes] == [
        ("ada", "approve", "slack"),
        ("lin", "approve", "slack"),
    ]
    assert ask.votes[0].groups == ("secops-leads", "everyone")
    assert ask.votes[0].fingerprint == ask.fingerprint


def test_an_escalation_is_a_generation_of_its_own() -> None:
    rule = RULE.but(then="escalate", to=("secops-managers",))
    entries = (
        Telling().receive().ask(rule=rule).escalate().vote("ada", "reject").decide("rejected").close().entries
    )
    first, second = told(tuple(entries)).asks
    assert (first.groups, first.outcome, first.votes) == (("secops-leads",), "escalated", ())
    assert second.groups == ("secops-leads", "secops-managers")
    assert (second.outcome, second.votes[0].reason) == ("rejected", "false_positive")


def test_the_figures_are_the_ledgers_own_times() -> None:
    figures = told(whole()).figures
    received = START - timedelta(milliseconds=250)
    assert figures.detected == START - timedelta(minutes=4)
    assert figures.received == received
    assert figures.first_begun == START + 3 * SECOND
    assert figures.to_begin == START + 3 * SECOND - received
    assert figures.first_verified == START + 5 * SECOND
    assert figures.to_verify == START + 5 * SECOND - received
    assert figures.closed == whole()[-1].at
    assert figures.waited_for_people == 6 * SECOND
    assert figures.first_undone is None


def test_what_did_not_happen_has_no_time() -> None:
    figures = told(tuple(Telling().receive().close("dismissed").entries)).figures
    assert (figures.first_begun, figures.to_begin) == (None, None)
    assert (figures.first_verified, figures.to_verify) == (None, None)
    assert figures.lasted is not None


def test_what_is_left_is_what_was_begun_and_not_given_back() -> None:
    left = told(whole()).left
    assert [(each.step, each.state, each.what) for each in left] == [
        ("stop_key", "verified", step("stop_key").says),
        ("delete_key", "verified", step("delete_key", asked=True).says),
    ]
    undone = (
        Telling().receive().carry_out("stop_key").note("undone", "the key is active again", step="stop_key")
    )
    assert told(tuple(undone.close("undone").entries)).left == ()


def test_what_could_not_be_given_back_is_left_as_stuck() -> None:
    telling = Telling().receive().carry_out("delete_key", asked=True)
    telling.note("undoing", "take back", step="delete_key").note(
        "stuck", "it cannot be undone", step="delete_key"
    )
    [left] = told(tuple(telling.close("stuck").entries)).left
    assert (left.state, left.says) == ("stuck", "it cannot be undone")


def test_a_step_that_was_so_already_leaves_nothing() -> None:
    telling = (
        Telling()
        .receive()
        .note("begun", "stop it", step="stop_key")
        .note("settled", "was off", step="stop_key")
    )
    assert told(tuple(telling.close().entries)).left == ()


# ---- what an auditor asks about a yes --------------------------------------------------------


def lead(person: str, *groups: str) -> Voter:
    return Voter(person=person, groups=groups or ("secops-leads",), account=f"T1/{person.upper()}")


def test_a_yes_is_told_with_door_account_groups_and_the_groups_when_it_was_looked_up_again() -> None:
    told_ = Lived().ask().vote("ada", voter=lead("ada", "secops-leads", "oncall")).vote("lin", door="cli")
    told_.story.confirm(
        told_.later(), "apply", {"ada": lead("ada"), "lin": Voter(person="lin", groups=("secops-leads", "x"))}
    )
    [ask] = told(told_.decide().entries).asks
    ada, lin = ask.votes
    assert (ada.door, ada.account, ada.groups) == ("slack", "T1/ADA", ("secops-leads", "oncall"))
    assert (ada.groups_again, lin.groups_again) == (("secops-leads",), ("secops-leads", "x"))
    assert (lin.door, ask.outcome, ask.silent, ask.steps) == ("cli", "granted", False, ("delete_key",))


def test_a_vote_that_fell_at_the_recheck_is_told_with_why_and_the_ask_goes_on_without_it() -> None:
    told_ = Lived().ask().vote("ada").vote("lin").confirm(without=("ada",)).vote("bea").confirm().decide()
    first, second = told(told_.entries).asks
    assert (first.outcome, second.outcome, second.generation) == ("again", "granted", 2)
    assert [(vote.person, vote.fell) for vote in first.votes] == [
        ("ada", "not known any more, or not by this account"),
        ("lin", ""),
    ]
    assert [vote.person for vote in second.votes] == ["lin", "bea"]
    [voided] = [row for row in told(told_.entries).timeline if row.kind == "voided"]
    assert voided.who == "firedoor"


def test_a_vote_that_fell_because_its_voter_left_the_group_says_which_groups_are_left() -> None:
    told_ = Lived().ask().vote("ada").vote("lin")
    told_.story.confirm(
        told_.later(), "apply", {"ada": Voter(person="ada", groups=("sales",)), "lin": lead("lin")}
    )
    ada = told(told_.entries).asks[0].votes[0]
    assert (ada.fell, ada.groups_again) == ("not in a group that is asked", ("sales",))


def test_a_signed_yes_is_told_with_its_proof() -> None:
    rule = RULE.model_copy(update={"step_up": True, "quorum": 1})
    told_ = Lived(step("delete_key", asked=True).model_copy(update={"approval": rule})).ask()
    plan = told_.story.asks["apply"].plan_sha256
    told_.vote("ada", proof=Proof(kind="oidc", by="https://id.example.com", plan_sha256=plan, at=told_.at))
    [ask] = told(told_.confirm().decide().entries).asks
    assert ask.step_up
    proof = ask.votes[0].proof
    assert proof is not None
    assert (proof.kind, proof.by, proof.plan_sha256) == ("oidc", "https://id.example.com", plan)
    assert proof.at.startswith("2026-11-22T02:14")


def test_a_broken_glass_is_told_with_its_reason_and_its_review() -> None:
    review = ApprovalRule(from_=("secops-leads",), quorum=1, within=timedelta(hours=4))
    told_ = Lived(break_glass=BreakGlass(people=("dave",), review=review)).ask()
    told_.vote("dave", break_glass=True, comment="nobody answers and data is leaving")
    told_.confirm().decide().vote("lin", slot="review").confirm(slot="review").decide("review")
    told_.story.end_review(told_.later())
    broken, reviewed = told(told_.entries).asks
    assert (broken.votes[0].break_glass, broken.votes[0].comment) == (
        True,
        "nobody answers and data is leaving",
    )
    assert (reviewed.kind, reviewed.requester, reviewed.outcome) == ("review", "dave", "granted")
    assert [vote.person for vote in reviewed.votes] == ["lin"]
    waited = told(told_.entries).figures.waited_for_people
    assert broken.decided_at is not None
    assert waited == broken.decided_at - broken.asked_at, "a review holds nothing up"


def test_silence_that_meant_yes_is_told_as_that() -> None:
    rule = RULE.model_copy(update={"then": "proceed"})
    told_ = Lived(step("stop_key").model_copy(update={"approval": rule})).ask().wait().decide()
    [ask] = told(told_.entries).asks
    assert (ask.outcome, ask.silent, ask.votes) == ("granted", True, ())


def test_a_directory_that_could_not_be_read_again_is_told_as_the_reason() -> None:
    told_ = Lived().ask().vote("ada").vote("lin")
    told_.story.unconfirmed(told_.later(), "apply")
    [ask] = told(told_.decide().entries).asks
    assert (ask.outcome, ask.unconfirmed, ask.votes[0].groups_again) == ("expired", True, None)


def test_who_put_a_reminder_off_and_who_asked_whom_to_look_is_named_with_their_door() -> None:
    told_ = Lived().ask()
    held, now = told_.story.asks["apply"], told_.later()
    told_.story.snooze(
        SnoozeRequest(
            id="s", voter=lead("ada"), door="page", fingerprint=held.fingerprint, minutes=5, at=now
        ),
        now,
    )
    nudged = told_.story.reassign(
        ReassignRequest(
            id="r", voter=lead("ada"), door="cli", fingerprint=held.fingerprint, to=lead("lin"), at=now
        ),
        now,
    )
    told_.story.remind(told_.later(), "apply")
    assert isinstance(nudged, Nudged)
    rows = told(told_.entries).timeline[-3:]
    assert [(row.kind, row.who) for row in rows] == [
        ("snoozed", "ada"),
        ("reassigned", "ada"),
        ("reminded", "firedoor"),
    ]
    snoozed, reassigned = told_.entries[-3].data["request"], told_.entries[-2].data["request"]
    assert isinstance(snoozed, dict)
    assert isinstance(reassigned, dict)
    assert (snoozed["door"], reassigned["door"]) == ("page", "cli")


def test_what_the_kill_switch_refused_is_listed_with_who_threw_it() -> None:
    told_ = lived()
    says = "the kill switch is thrown: ada froze everything: we are under attack"
    told_.story.note(told_.later(), "begun", "stop it again", step="stop_key")
    told_.story.note(told_.later(), "settled", says, step="stop_key", data={"outcome": "refused"})
    [refused] = told(told_.entries).refused
    assert (refused.step, refused.says) == ("stop_key", says)


def test_what_a_guard_refused_when_it_was_planned_is_listed() -> None:
    refused_ = step("stop_key").model_copy(update={"outcome": "refuse", "says": "it is protected"})
    [refused] = told(Lived(refused_).close("dismissed").entries).refused
    assert (refused.step, refused.says) == ("stop_key", "it is protected")


JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "ask",
                    "vote",
                    "voter",
                    "groups",
                    "rules",
                    "from",
                    "id",
                    "generation",
                    "quorum",
                    "finding",
                    "received",
                    "votes",
                    "proof",
                    "person",
                    "steps",
                    "confirmed",
                )
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(
    st.lists(
        st.builds(
            Entry,
            at=st.just(START),
            kind=st.sampled_from(
                [
                    "received",
                    "planned",
                    "asked",
                    "voted",
                    "voided",
                    "decided",
                    "begun",
                    "settled",
                    "stuck",
                    "closed",
                ]
            ),
            says=st.text(max_size=5),
            step=st.sampled_from([None, "a"]),
            data=st.dictionaries(
                st.sampled_from(["ask", "vote", "finding", "received", "playbook", "plan", "now", "request"]),
                JSON,
                max_size=3,
            ),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_data_of_any_other_shape_is_left_empty_and_never_an_error(entries: list[Entry]) -> None:
    """A pack may come from another version, or from a forger: it is still shown."""
    assert len(told(tuple(entries)).timeline) == len(entries)
