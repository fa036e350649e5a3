"""What people are told from evidence: who, when, how long, and what is left."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from firedoor.domain.evidence import Head, Pack
from firedoor.domain.evidence_view import Summary, summarise
from firedoor.domain.ledger import Entry
from tests.ledgers import RESPONSE, RULE, START, Telling, playbook, step, whole

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
            kind=st.sampled_from(["received", "asked", "voted", "decided", "begun", "stuck", "closed"]),
            says=st.text(max_size=5),
            step=st.sampled_from([None, "a"]),
            data=st.dictionaries(
                st.sampled_from(["ask", "vote", "finding", "received", "playbook"]), JSON, max_size=3
            ),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_data_of_any_other_shape_is_left_empty_and_never_an_error(entries: list[Entry]) -> None:
    """A pack may come from another version, or from a forger: it is still shown."""
    assert len(told(tuple(entries)).timeline) == len(entries)
