"""The shelf of playbooks: read whole, checked whole, with who last changed each."""

from __future__ import annotations

import hashlib
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from firedoor.config.settings import child_environment
from firedoor.domain.core.errors import Misconfigured
from firedoor.domain.playbook.checking import Known, read_playbook
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.yaml.problem import Illegible, Problem, Problems

_log = structlog.get_logger("firedoor.app.playbooks_in_force")

_GIT_WITHIN: Final = 2.0  # seconds
_EMAIL = re.compile(r"[^@\s<>\x00-\x1f\x7f]{1,128}@[^@\s<>\x00-\x1f\x7f]{1,128}")
_TRAILER = re.compile(r"<([^<>]*)>")
#: How long an unknown editor is believed: a file that is committed after we read it does not change by that.
_ASK_AGAIN: Final = 60.0


def playbook_files(folder: Path) -> list[Path]:
    """List the playbooks of a folder, by name."""
    return sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))


def read_shelf(
    files: Sequence[Path], known: Mapping[str, Known], groups: frozenset[str] | None
) -> tuple[Playbook, ...]:
    """Read and check playbooks; raises `Problems` with every mistake in any of them."""
    problems: list[Problem] = []
    playbooks: list[Playbook] = []
    for file in files:
        try:
            playbooks.append(
                read_playbook(file.read_text(encoding="utf-8", errors="strict"), str(file), known, groups)
            )
        except UnicodeDecodeError as error:
            raise Misconfigured(
                f"{file}:1:1: it is not UTF-8 text at byte {error.start}", mend="save it as UTF-8"
            ) from error
        except Illegible as error:
            problems.append(error.problem)
        except Problems as error:
            problems.extend(error.problems)
    if problems:
        raise Problems(problems)
    return tuple(playbooks)


# ---- who last changed a playbook --------------------------------------------------------------


def editors_of(file: Path) -> tuple[str, ...]:
    """Return the e-mails behind the last commit that changed a file: author, committer, co-authors.

    () where it is not known: no git, no repository, one that git does not trust, a file that differs
    from its last commit. Nothing that the repository configures is run.
    """
    try:
        file = file.resolve(strict=True)
        tree = _git(file, "ls-tree", "-z", "HEAD", "--", file.name)
        # "100644 blob <hash>\t<name>"
        blob = tree.partition("\t")[0].rpartition(" ")[2]
        if not blob or blob != _blob(file.read_bytes(), len(blob)):
            _log.debug("shelf.editors_unknown", file=file.name, why="it differs from its last commit")
            return ()
        told = _git(file, "log", "-1", "--no-show-signature", f"--format={_WHO}", "--", file.name)
    except (OSError, subprocess.SubprocessError, UnicodeError) as error:
        _log.debug("shelf.editors_unknown", file=file.name, why=type(error).__name__)
        return ()
    author, committer, *trailers = told.rstrip("\n").split("\0")
    emails = [author, committer, *(email for each in trailers for email in _TRAILER.findall(each))]
    return tuple(dict.fromkeys(email for email in emails if _EMAIL.fullmatch(email)))


_WHO: Final = "%ae%x00%ce%x00%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x00)"


def _git(file: Path, *arguments: str) -> str:
    """Run git beside a file. What its configuration could make it run or reach for is turned off."""
    told = subprocess.run(  # noqa: S603  no shell, and the one name from outside stands behind `--`
        ["git", "--no-pager", "--literal-pathspecs", *_TAME, *arguments],  # noqa: S607  git is found by PATH
        cwd=file.parent,
        env=child_environment(
            without="GIT_",
            GIT_CONFIG_NOSYSTEM="1",
            GIT_OPTIONAL_LOCKS="0",
            GIT_NO_LAZY_FETCH="1",
            GIT_TERMINAL_PROMPT="0",
            LC_ALL="C",
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=_GIT_WITHIN,
    )
    return told.stdout.decode("utf-8")


_TAME: Final = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never")


def _blob(data: bytes, digits: int) -> str:
    """Name contents as git names them, in a repository whose names have that many digits."""
    kind = "sha256" if digits == hashlib.sha256().digest_size * 2 else "sha1"
    return hashlib.new(kind, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class _Edited:
    stamp: tuple[int, int, int]
    asked: float
    editors: tuple[str, ...]


class Editors:
    """Who last changed each playbook: found out when its file changes, and never for a finding.

    `refresh` runs git and belongs in a thread; `of` only looks. `monotonic` counts seconds.
    """

    def __init__(
        self,
        read: Callable[[Path], tuple[str, ...]] = editors_of,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._monotonic = monotonic
        self._files: dict[Path, _Edited] = {}
        self._playbooks: Mapping[str, tuple[str, ...]] = {}

    def of(self, playbook: str) -> tuple[str, ...]:
        """Return who last changed a playbook, by its name; () where it is not known."""
        return self._playbooks.get(playbook, ())

    def refresh(self, files: Sequence[Path], playbooks: Sequence[Playbook]) -> None:
        """Find out about files that changed; `playbooks` are what `read_shelf` made of `files`.

        An editor who is not known is asked for again after a minute: a commit does not touch the file.
        """
        self._files = {file: self._edited(file) for file in files}
        self._playbooks = {
            playbook.playbook: self._files[file].editors
            for file, playbook in zip(files, playbooks, strict=True)
        }

    def _edited(self, file: Path) -> _Edited:
        now = self._monotonic()
        try:
            seen = file.stat()
        except OSError:
            return _Edited((0, 0, 0), now, ())  # gone since; the shelf will see it, too
        stamp = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
        held = self._files.get(file)
        if held and held.stamp == stamp and (held.editors or now - held.asked < _ASK_AGAIN):
            return held
        return _Edited(stamp, now, self._read(file))
