"""The demo: it shows what it says, and ends with an error where it cannot."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firedoor.demo.slack_page import SlackPage
from tests.pseudo_terminal import PseudoTerminal

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]

DEMO = [sys.executable, "-m", "firedoor.demo"]
_PATIENCE = 150.0


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the demo puts its folder, so that a test sees what it leaves there."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


def environment(temporary: Path) -> dict[str, str]:
    """A person's environment, with an AWS account and a Temporal of their own in it."""
    return {
        **os.environ,
        "TMPDIR": str(temporary),
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "AKIA5EXAMPLE7PERSONAL",
        "AWS_SECRET_ACCESS_KEY": "never-to-be-used",
        "TEMPORAL_ADDRESS": "temporal.invalid:7233",
        "FIREDOOR_CONFIG": "/nowhere",
        "HTTP_PROXY": "http://proxy.invalid:3128",
    }


@contextmanager
def running(temporary: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The demo without a terminal."""
    process = subprocess.Popen(
        [*DEMO, *arguments],
        env=environment(temporary),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=_PATIENCE)


def children(pid: int) -> dict[int, str]:
    """The processes that one process has started, each with its command line."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, IndexError):
            continue
        if parent == pid:
            found[int(folder.name)] = line
    return found


def gone(pids: list[int]) -> bool:
    """Whether none of these processes is there any more."""
    until = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What it prints up to some words."""
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if words in line:
            return told
    raise AssertionError(f"never printed {words!r}:\n{told}")


def test_it_shows_all_of_it_to_nobody_and_leaves_nothing_behind(temporary: Path) -> None:
    """Also beside an AWS account, a Temporal and a proxy of the person's own, which it does not touch."""
    with running(temporary) as process:
        told = read_until(process, "A key leaks")
        started = children(process.pid)
        rest, _ = process.communicate(timeout=_PATIENCE)
        told += rest
    assert process.returncode == 0, told
    assert len(started) == 5, started  # Temporal and its page, the gateway, the worker, the AWS emulator
    assert gone(list(started))
    assert list(temporary.iterdir()) == []
    for shown in (
        r"attacker +reads s3://\S+ +200",
        r"attacker +takes a session with the key.* 200",
        r"POST /findings/guardduty .* 202 in \d+ ms",
        r"202, the same response",
        r"delete_key +does +delete access key AKIA\w+ of user ci-deployer for good",
        r"IMPOSSIBLE",
        r"2 people of secops within 30 min",
        r"stop_key +access key AKIA\w+ of user ci-deployer is inactive +\+\d+ ms",
        r"attacker +got \d+ more answers after the finding was accepted, then none +\d+ ms",
        r"attacker +reads with the key +403 \w+",
        r"attacker +reads with the session +403 AccessDenied",
        r"Delete the key for good\?  yes \(there is no terminal, so as with --yes\)",
        r"Alice +says yes to [0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4} +counted, 1 to go",
        r"one person has one vote +still 1 to go",
        r"Bob +says yes to \S+ +granted",
        r"knows no key AKIA\w+ any more",
        r"“you asked for this yourself",
        r"exactly as they were +verified",
        r"complete, in order, signed; head \S+ +proven",
        r"one bit flipped +entry \d+ .* was changed.* +caught",
    ):
        assert re.search(shown, told), (shown, told)
    assert "fdp_" not in told, "a personal token is printed"
    # The folder's path is this machine's, and as long as it likes.
    assert max(len(line) for line in told.splitlines() if "/firedoor-demo-" not in line) <= 110


def test_a_person_says_no_to_deleting_and_to_undoing(temporary: Path) -> None:
    with PseudoTerminal(DEMO, environment(temporary)) as terminal:
        terminal.until("[y/N]: ")
        terminal.type("")
        terminal.until("[Y/n]: ")
        terminal.type("n")
        assert terminal.end() == 0, terminal.seen
    assert "the key stays, and stays inactive" in terminal.seen
    assert "stays contained until its hold is over" in terminal.seen
    assert "Evidence" not in terminal.seen


def test_with_a_fake_slack_both_press_by_themselves_where_nobody_is_there(temporary: Path) -> None:
    with running(temporary, "--slack", "--yes") as process:
        told = read_until(process, "A key leaks")
        started = children(process.pid)
        rest, _ = process.communicate(timeout=_PATIENCE)
        told += rest
    assert process.returncode == 0, told
    assert len(started) == 6, started  # and the fake Slack
    assert gone(list(started))
    assert list(temporary.iterdir()) == []
    before, _, after = told.partition("the same card now")
    for shown, where in (
        (r"in Slack, #soc", before),
        (r"Approve\? delete access key AKIA\w+ of user ci-deployer for good", before),
        (r"2 people of secops", before),
        (r"\[Approve\] \[Reject…\]", before),
        (r"Alice +presses Approve +counted, 1 to go", before),
        (r"one person has one vote +still 1 to go", before),
        (r"Bob +presses Approve +granted", before),
        (r"Done: every change is verified", after),
        (r"alice said yes", after),
        (r"\[Undo…\]", after),
        (r"knows no key AKIA\w+ any more +verified", after),
        (r"complete, in order, signed; head \S+ +proven", after),
    ):
        assert re.search(shown, where), (shown, told)
    assert "[Approve]" not in after
    assert not re.search("fdp_|xoxb-|xapp-", told), "a secret is printed"


def test_with_a_fake_slack_it_waits_for_two_people_in_the_browser(temporary: Path) -> None:
    with PseudoTerminal([*DEMO, "--slack"], environment(temporary)) as terminal:
        terminal.until("waiting for two people")
        (url,) = set(re.findall(r"Open (http://127\.0\.0\.1:\d+)/ in a browser", terminal.seen))
        page = SlackPage(url, {"alice": "U0ALICE", "bob": "U0BOB"})
        (card,) = page.cards()
        page.press("bob", card, "firedoor.approve")
        terminal.until("says yes in Slack")
        page.press("alice", card, "firedoor.approve")
        terminal.until("[Y/n]: ")
        terminal.type("n")
        assert terminal.end() == 0, terminal.seen
    told = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.seen)
    for shown in (r"Bob +says yes in Slack +counted", r"Alice +says yes in Slack +counted"):
        assert re.search(shown, told), told
    assert re.search(r"looked up once more who said yes +granted", told), told
    assert re.search(r"knows no key AKIA\w+ any more +verified", told), told


def test_keep_keeps_evidence_that_the_command_line_verifies(temporary: Path) -> None:
    with running(temporary, "--yes", "--keep") as process:
        told, _ = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 0, told
    (folder,) = temporary.glob("firedoor-demo-*")
    (file,) = (folder / "var" / "evidence").glob("*.evidence.json")
    judged = subprocess.run(
        [
            sys.executable,
            "-m",
            "firedoor.cli",
            "evidence",
            "verify",
            file,
            "--config",
            folder / "config",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_a_part_that_dies_is_told_and_is_no_success(temporary: Path) -> None:
    with running(temporary, "--yes") as process:
        read_until(process, "A key leaks")
        started = children(process.pid)
        (worker,) = (pid for pid, line in started.items() if "worker.py" in line)
        os.kill(worker, signal.SIGKILL)
        told, _ = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 1, told
    assert "✗ worker ended with -9" in told
    assert gone(list(started))
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_demo_that_is_stopped_takes_everything_with_it(temporary: Path, number: int) -> None:
    with running(temporary, "--yes") as process:
        read_until(process, "GuardDuty sees it")
        started = children(process.pid)
        process.send_signal(number)
        process.communicate(timeout=_PATIENCE)
    assert process.returncode not in (0, None)
    assert gone(list(started))
    assert list(temporary.iterdir()) == []
