"""The shelf of playbooks: read whole, checked whole, and the last good set kept in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from firedoor.domain.checking import Known, read_playbook
from firedoor.domain.errors import Misconfigured
from firedoor.domain.playbook import Playbook
from firedoor.domain.problem import Illegible, Problem, Problems


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
