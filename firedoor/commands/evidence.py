"""`firedoor evidence`: judge and read sealed files, offline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from activities.evidence import verify_file
from firedoor.commands.options import AsJson, ConfigDirectory
from firedoor.commands.phrases import clock, severity, since, span
from firedoor.commands.show import about
from firedoor.commands.terminal import DONE, NO, grid, joined, out, print_json, safe
from firedoor.commands.written import configuration
from firedoor.connectors.signing import SigningKey
from firedoor.domain.errors import Unreadable
from firedoor.domain.evidence import read
from firedoor.domain.evidence_verdict import Verdict
from firedoor.domain.evidence_view import AskTold, Summary, VoteTold, summarise
from firedoor.domain.finding import Moment
from firedoor.secret import Secret
from firedoor.settings import child_environment, directory_of
from firedoor.slack.phrases import listed

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
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Judge a file.

    Complete, unchanged, in order, signed by the key you trust, every change accounted for. Needs no
    network and no running Firedoor.
    """
    verdict = verify_file(file, _key(key, config))
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


def _judged(verdict: Verdict) -> Iterator[RenderableType]:
    if verdict.ok:
        says = (
            f"✓ proven: {verdict.entries} entries, complete, unchanged, in order, every change accounted for"
        )
        yield Text(says, "bold green")
    elif verdict.intact:
        yield Text("✗ not proven", "bold yellow")
    else:
        yield Text("✗ NOT as it was sealed", "bold red")
    if verdict.objections:
        yield grid((Text("•"), safe(objection.says)) for objection in verdict.objections)
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
    if summary.left:
        yield from ("", Text("Left in place", "bold"))
        yield grid((safe(each.step, "bold"), safe(each.state), safe(each.what)) for each in summary.left)
    yield ""
    yield Text.assemble("head ", (summary.head_fingerprint, "bold"), (f"  key {summary.keyid}", "dim"))
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


def _asked(ask: AskTold) -> Iterator[tuple[Text, Text]]:
    outcome = safe(ask.outcome or "open", "bold")
    told = safe(f"{ask.fingerprint} of {listed(ask.groups, 'or')}, {ask.quorum} needed")
    yield Text(ask.kind, "dim"), joined(told, outcome, between=": ")
    for vote in ask.votes:
        yield Text(""), _voted(vote)


def _voted(vote: VoteTold) -> Text:
    said = ("yes", "green") if vote.decision == "approve" else ("no", "red")
    why = safe(f"{vote.reason}: {vote.comment}".strip(": ")) if vote.reason or vote.comment else Text()
    return joined(
        safe(vote.person, "bold"), Text(*said), safe(f"{clock(vote.at)} by {vote.door}", "dim"), why
    )


def _timeline(summary: Summary) -> Iterator[tuple[Text, ...]]:
    start = summary.timeline[0].at if summary.timeline else None
    for row in summary.timeline:
        when = since(start or row.at, row.at)
        yield Text(when, "dim"), Text(row.kind), safe(row.who, "dim"), about(row.step) + safe(row.what)
