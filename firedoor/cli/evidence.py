"""`firedoor evidence`: judge and read sealed files, offline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.text import Text

from activities.evidence import verify_file
from firedoor.cli.options import AsJson, ConfigDirectory
from firedoor.cli.phrases import clock, severity, since, span
from firedoor.cli.show import about
from firedoor.cli.terminal import DONE, NO, grid, joined, out, print_json, safe
from firedoor.cli.written import configuration
from firedoor.config.secret import Secret
from firedoor.config.settings import child_environment, directory_of
from firedoor.connectors.signing import SigningKey
from firedoor.domain.approval.words import not_a_key
from firedoor.domain.core.canonical import fingerprint
from firedoor.domain.core.errors import Unreadable
from firedoor.domain.evidence.approvals import AskTold, VoteTold
from firedoor.domain.evidence.pack import read, witness_in
from firedoor.domain.evidence.summary import Summary, summarise
from firedoor.domain.evidence.verify import Verdict
from firedoor.domain.finding.finding import Moment
from firedoor.presentation.phrases import listed

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown"
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="A file of evidence.")]


@app.callback()
def evidence() -> None:
    """Verify and read sealed evidence."""


@app.command("verify")
def verify(
    file: File,
    *,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="PEM",
            help="The public key that you trust; else that of the configuration.",
            show_default=False,
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            "--head",
            metavar="LINE",
            help="The head as Slack's thread or the log tells it; the whole line may be pasted.",
            show_default=False,
        ),
    ] = None,
    gateway_keys: Annotated[
        Path | None,
        typer.Option(
            "--gateway-keys",
            metavar="FILE",
            help="The gateway keys that you trust, PEM or base64, one a line; else the configuration's.",
            show_default=False,
        ),
    ] = None,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Judge a file.

    Complete, unchanged, in order, signed by the key you trust, every change accounted for, and nothing done
    without the yes it needed: the votes are counted again. Needs no network and no running Firedoor.
    Words of people have to be signed by a gateway whose key you trust.
    With --head it is also compared with what was told when it was sealed: without, whoever holds the signing
    key could have left entries out.
    """
    witness = None if head is None else witness_in(head)
    verdict = verify_file(file, _key(key, config), witness, _gateways(gateway_keys, config))
    if json:
        print_json({"ok": verdict.ok, "intact": verdict.intact, **verdict.model_dump(mode="json")})
    else:
        out().print(*_judged(verdict))
    raise typer.Exit(DONE if verdict.ok else NO)


def _key(given: Path | None, config: Path | None) -> bytes | None:
    """Return the public key to trust: the given one, else the configuration's own, else none."""
    if given is not None:
        try:
            return given.read_bytes()
        except OSError as error:
            raise Unreadable(
                f"{given} cannot be read: {error.strerror or type(error).__name__}",
                expected="a public key as PEM",
            ) from error
    directory = directory_of(config)
    written = configuration(directory)
    if written is None:
        return None
    name = written.evidence.signing_key
    private = Secret((name,), child_environment(), directory.absolute().parent).value()
    return SigningKey.from_pem(private.encode()).public_pem()


def _gateways(given: Path | None, config: Path | None) -> tuple[str, ...] | None:
    """Return the gateway keys to trust: the given ones, else the configuration's, else none."""
    if given is None:
        written = configuration(directory_of(config))
        return None if written is None else written.gateway.keys
    wanted = "Ed25519 public keys: PEM, or DER as base64, one a line"
    try:
        text = given.read_bytes().decode("ascii", "replace")
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise Unreadable(f"{given} cannot be read: {why}", expected=wanted) from error
    # What stands between a PEM's two lines is the same base64.
    keys = tuple(line.strip() for line in text.splitlines() if line.strip() and "-----" not in line)
    if not keys or any(not_a_key(key) for key in keys):
        raise Unreadable(f"{given} holds something else than keys", expected=wanted)
    return keys


def _heard(verdict: Verdict) -> Text | None:
    """Say what is known of the words that people said."""
    words = "1 word" if verdict.words == 1 else f"{verdict.words} words"
    match verdict.heard:
        case "vouched":
            return Text(f"✓ {words} of people, each signed by a gateway whose key you trust", "green")
        case "named":
            return Text(f"{words} of people, signed by gateways that only the file vouches for", "yellow")
        case "unsigned":
            return Text(f"{words} of people, not signed: nothing shows that people said them", "bold red")
        case "refused":
            return Text(f"{words} of people, and not all of them were said by people", "bold red")
    return None


def _judged(verdict: Verdict) -> Iterator[RenderableType]:
    if verdict.ok:
        yield Text(
            f"✓ proven: {verdict.entries} entries, complete, unchanged, in order, every change accounted "
            "for, every yes counted again",
            "bold green",
        )
    elif verdict.intact:
        yield Text("✗ not proven", "bold yellow")
    else:
        yield Text("✗ NOT as it was sealed", "bold red")
    if verdict.objections:
        yield grid((Text("•"), safe(objection.says)) for objection in verdict.objections)
    if (heard := _heard(verdict)) is not None:
        yield heard
    if verdict.witnessed:
        yield Text("✓ the head is the one that was told when it was sealed", "green")
    elif verdict.witnessed is None:
        yield Text(
            "Not compared with the head in Slack's thread or in the log: whoever holds the signing key could "
            "have left entries out. Compare it with --head.",
            "yellow",
        )
    told = {
        "response": verdict.response,
        "sealed": verdict.sealed_at,
        "key": verdict.keyid,
        "head": verdict.head,
    }
    yield grid((Text(name, "dim"), safe(says)) for name, says in told.items() if says)


@app.command("show")
def show(file: File, *, config: ConfigDirectory = None, json: AsJson = False) -> None:
    """Read a file.

    Tells who did what when. Reading is not judging: `verify` does that.
    """
    del config
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Unreadable(
            f"{file} cannot be read: {error.strerror or type(error).__name__}", expected="a file of evidence"
        ) from error
    summary = summarise(read(data))
    if json:
        print_json(summary.model_dump(mode="json"))
        return
    out().print(*_read(summary))


def _read(summary: Summary) -> Iterator[RenderableType]:
    finding = summary.finding
    yield joined(
        safe(summary.playbook, "bold"), safe(summary.status, "bold green"), safe(summary.response, "dim")
    )
    told = (
        severity(finding["severity"]),
        safe(f"{finding['source']} {finding['type']}"),
        safe(f"account {finding['account']}" if finding["account"] else ""),
    )
    yield joined(*told, between=" · ")
    if finding["title"]:
        yield safe(f"“{finding['title']}”", "dim")
    yield ""
    yield grid(_figures(summary))
    if summary.asks:
        yield from ("", Text("Asked", "bold"), grid(row for ask in summary.asks for row in _asked(ask)))
    yield from ("", Text("Timeline", "bold"), grid(_timeline(summary)))
    if summary.refused:
        yield from ("", Text("Refused", "bold"))
        yield grid(
            (safe(each.step, "bold"), Text(clock(each.at), "dim"), safe(each.says))
            for each in summary.refused
        )
    if summary.left:
        yield from ("", Text("Left in place", "bold"))
        yield grid((safe(each.step, "bold"), safe(each.state), safe(each.what)) for each in summary.left)
    yield ""
    yield Text.assemble("head ", (summary.head_fingerprint, "bold"), (f"  key {summary.keyid}", "dim"))
    yield Text(f"told as {summary.witness}", "dim")
    yield Text("Read, not judged: `firedoor evidence verify FILE`.", "dim")


def _figures(summary: Summary) -> Iterator[tuple[Text, Text]]:
    figures = summary.figures

    def at(moment: Moment | None) -> str:
        return clock(moment) if moment else "-"

    yield Text("received", "dim"), Text(at(figures.received))
    for name, lasted in (
        ("first change after", figures.to_begin),
        ("first verified after", figures.to_verify),
        ("waited for people", figures.waited_for_people or None),
        ("closed after", figures.lasted),
    ):
        if lasted is not None:
            yield Text(name, "dim"), Text(span(lasted))


_ENDED: Final[dict[str, str]] = {
    "escalated": "nobody answered in time, more people were asked",
    "again": "a vote fell, it was asked again",
    "superseded": "something else was asked instead",
    "": "open",
}


def _asked(ask: AskTold) -> Iterator[tuple[Text, Text]]:
    outcome = _ENDED.get(ask.outcome, ask.outcome)
    outcome += ", for the policy lets silence mean yes" if ask.silent else ""
    outcome += ", for nobody could be looked up again" if ask.unconfirmed else ""
    signed = ", signed" if ask.step_up else ""
    told = safe(f"{ask.fingerprint} of {listed(ask.groups, 'or')}, {ask.quorum} needed{signed}")
    yield Text(ask.kind, "dim"), joined(told, safe(outcome, "bold"), between=": ")
    for vote in ask.votes:
        yield Text(""), _voted(vote)
        for says in _made_eligible(vote):
            yield Text(""), Text("  · ", "dim") + safe(says, "dim")


def _voted(vote: VoteTold) -> Text:
    said = ("yes", "green") if vote.decision == "approve" else ("no", "red")
    why = safe(f"{vote.reason}: {vote.comment}".strip(": ")) if vote.reason or vote.comment else Text()
    return joined(
        safe(vote.person, "bold"),
        Text(*said),
        Text("ALONE" if vote.break_glass else "", "bold red"),
        safe(f"{clock(vote.at)} by {vote.door}", "dim"),
        why,
        Text(f"FELL: {vote.fell}" if vote.fell else "", "bold red"),
    )


def _made_eligible(vote: VoteTold) -> Iterator[str]:
    """Say what made a vote count: who they were then, and when everyone was looked up again."""
    then = listed(vote.groups) or "no group"
    again = ""
    if vote.groups_again is not None:
        now = listed(vote.groups_again) or "no group"
        again = "; looked up again: the same" if now == then else f"; looked up again: {now}"
    account = f", Slack account {vote.account}" if vote.account else ""
    claims = f", signed in as {listed(vote.claims)}" if vote.claims else ""
    yield f"in {then}{account}{claims}{again}"
    if (proof := vote.proof) is not None:
        over = fingerprint(proof.plan_sha256)
        yield f"signed by {proof.kind} {proof.by} at {proof.at}, over {over}"
    if vote.among:
        yield f"one word about many: set {fingerprint(vote.among)}"


def _timeline(summary: Summary) -> Iterator[tuple[Text, ...]]:
    start = summary.timeline[0].at if summary.timeline else None
    for row in summary.timeline:
        when = since(start or row.at, row.at)
        yield Text(when, "dim"), Text(row.kind), safe(row.who, "dim"), about(row.step) + safe(row.what)
