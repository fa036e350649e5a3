"""Who last changed a playbook: as git has it, found out once a change, and unknown rather than wrong."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from firedoor.app.playbooks_in_force import Editors, editors_of
from firedoor.config.settings import SHIPPED_PLAYBOOKS, child_environment
from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.approval.vote import Vote, Voter
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.yaml.reader import load, read
from tests.people.test_directory import Clock

ANN, BOB, CID = "Ann@example.com", "bob@example.com", "1+cid@users.noreply.github.com"

PLAYBOOK = load(
    read((SHIPPED_PLAYBOOKS / "leaked_access_key.yaml").read_bytes(), "leaked_access_key.yaml"), Playbook
)


class Repository:
    """A repository of one's own, which knows nothing of whoever runs the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet")
        self.file = folder / "leaked.yaml"

    def git(self, *arguments: str, author: str = ANN, committer: str | None = None, typed: str = "") -> str:
        who = {
            "GIT_AUTHOR_NAME": "Author",
            "GIT_AUTHOR_EMAIL": author,
            "GIT_COMMITTER_NAME": "Committer",
            "GIT_COMMITTER_EMAIL": committer or author,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=child_environment(without="GIT_", **who),
            check=True,
            capture_output=True,
            text=True,
            input=typed,
        )
        return done.stdout

    def commit(
        self, text: str, *, author: str = ANN, committer: str | None = None, message: str = "change"
    ) -> None:
        self.file.write_text(text)
        self.git("add", "--all")
        self.git(
            "-c",
            "commit.gpgsign=false",
            "commit",
            "-m",
            message,
            "--quiet",
            author=author,
            committer=committer,
        )

    def sign(self) -> None:
        """Put a signature on the last commit: whoever looks at it runs the program that checks signatures."""
        head, _, message = self.git("cat-file", "commit", "HEAD").partition("\n\n")
        lines = ["gpgsig -----BEGIN PGP SIGNATURE-----", " ", " AAAA", " -----END PGP SIGNATURE-----"]
        signed = "\n".join([head, *lines, "", message])
        commit = self.git("hash-object", "-t", "commit", "-w", "--stdin", typed=signed)
        self.git("update-ref", "HEAD", commit.strip())


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "playbooks")


def test_the_author_of_the_last_commit_that_changed_it_is_its_editor(repository: Repository) -> None:
    repository.commit("one", author=ANN)
    repository.commit("two", author=BOB)
    (repository.folder / "other.yaml").write_text("x")
    repository.commit("two", author=CID)  # which did not touch it
    assert editors_of(repository.file) == (BOB,)


def test_committer_and_co_authors_are_editors_as_well(repository: Repository) -> None:
    trailers = (
        f"Co-authored-by: Cid <{CID}>",
        "co-authored-by: D <dan@example.com>",
        "Signed-off-by: E <e@e.e>",
    )
    message = "\n".join(["change", "", *trailers])
    repository.commit("one", author=ANN, committer=BOB, message=message)
    assert editors_of(repository.file) == (ANN, BOB, CID, "dan@example.com")


def test_what_no_e_mail_is_names_nobody(repository: Repository) -> None:
    repository.commit(
        "one", author="root", message="change\n\nCo-authored-by: \x07 <a b@c>\nCo-authored-by: x"
    )
    assert editors_of(repository.file) == ()


def test_what_differs_from_its_last_commit_has_no_known_editor(repository: Repository) -> None:
    repository.commit("one")
    repository.file.write_text("two")
    assert editors_of(repository.file) == ()
    repository.git("add", "--all")
    assert editors_of(repository.file) == ()
    (repository.folder / "new.yaml").write_text("x")
    assert editors_of(repository.folder / "new.yaml") == ()


def test_without_a_repository_a_file_or_git_nobody_is_known(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "alone.yaml").write_text("x")
    assert editors_of(tmp_path / "alone.yaml") == ()
    assert editors_of(tmp_path / "gone.yaml") == ()
    repository.commit("one")
    (repository.folder / ".git/HEAD").write_text("broken")
    assert editors_of(repository.file) == ()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert editors_of(repository.file) == ()


@pytest.mark.parametrize("name", ["--all.yaml", ":(top)x.yaml", "*.yaml", "a b\n.yaml"])
def test_a_name_is_a_name_and_never_an_option_or_a_pattern(repository: Repository, name: str) -> None:
    repository.commit("other", author=BOB)
    repository.file = repository.folder / name
    repository.commit("one", author=ANN)
    repository.file = repository.folder / "leaked.yaml"
    repository.commit("again", author=BOB)
    assert editors_of(repository.folder / name) == (ANN,)


def test_nothing_that_the_repository_configures_is_run(repository: Repository, tmp_path: Path) -> None:
    repository.commit("one")
    repository.sign()
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n")
    program.chmod(0o755)
    for key in ("core.pager", "core.fsmonitor", "gpg.program", "diff.external", "core.sshCommand"):
        repository.git("config", key, str(program))
    for key in ("log.showSignature", "core.fsmonitorHookVersion"):
        repository.git("config", key, "1")
    assert editors_of(repository.file) == (ANN,)
    assert not ran.exists()


def test_what_the_caller_has_set_for_git_leads_nowhere_else(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository(tmp_path / "other")
    other.commit("one", author=BOB)
    repository.commit("one", author=ANN)
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    assert editors_of(repository.file) == (ANN,)


def test_the_last_editor_of_a_playbook_cannot_approve_what_it_does(repository: Repository) -> None:
    repository.commit("one", author=ANN.upper(), committer=BOB)
    now = Clock().now
    approval = Approval(
        id="1",
        plan_sha256="a" * 64,
        rules=(ApprovalRule(from_=("secops",), within=timedelta(minutes=5)),),
        asked_at=now,
        deadline=now.replace(hour=3),
        editors=editors_of(repository.file),
    )
    told = {}
    for name in (ANN, BOB, CID):
        voter = Voter(person=name, groups=("secops",), names=(name.lower(),))
        vote = Vote(
            id=name,
            decision="approve",
            voter=voter,
            door="cli",
            fingerprint=approval.fingerprint,
            at=now,
        )
        told[name] = approval.objection(vote, now)
    assert "the last to change this playbook" in str(told[ANN])
    assert "the last to change this playbook" in str(told[BOB])
    assert told[CID] is None


# ---- once a change, and never for a finding ------------------------------------------------


class Shelf:
    """Editors of two playbooks, read by a reader that counts."""

    def __init__(self, folder: Path) -> None:
        self.files = [folder / "a.yaml", folder / "b.yaml"]
        for file in self.files:
            file.write_text("x")
        self.told: dict[str, tuple[str, ...]] = {"a.yaml": (ANN,), "b.yaml": ()}
        self.reads: list[str] = []
        self.now = 0.0
        self.editors = Editors(self.read, monotonic=lambda: self.now)

    def read(self, file: Path) -> tuple[str, ...]:
        self.reads.append(file.name)
        return self.told[file.name]

    def refresh(self) -> None:
        self.reads.clear()
        playbooks = [PLAYBOOK.model_copy(update={"playbook": file.stem}) for file in self.files]
        self.editors.refresh(self.files, playbooks)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    made = Shelf(tmp_path)
    made.refresh()
    return made


def test_editors_are_found_by_the_name_of_their_playbook(shelf: Shelf) -> None:
    assert shelf.reads == ["a.yaml", "b.yaml"]
    assert (shelf.editors.of("a"), shelf.editors.of("b"), shelf.editors.of("none")) == ((ANN,), (), ())
    assert shelf.reads == ["a.yaml", "b.yaml"]


def test_a_file_is_read_again_when_it_changed(shelf: Shelf) -> None:
    shelf.refresh()
    assert shelf.reads == []
    shelf.files[0].write_text("longer")
    shelf.told["a.yaml"] = (BOB,)
    shelf.refresh()
    assert shelf.reads == ["a.yaml"]
    assert shelf.editors.of("a") == (BOB,)


def test_an_unknown_editor_is_asked_for_again_after_a_minute_because_a_commit_changes_no_file(
    shelf: Shelf,
) -> None:
    shelf.told["b.yaml"] = (BOB,)
    shelf.now = 59
    shelf.refresh()
    assert shelf.reads == []
    shelf.now = 60
    shelf.refresh()
    assert shelf.reads == ["b.yaml"]
    assert shelf.editors.of("b") == (BOB,)


def test_a_playbook_that_is_gone_has_no_editor(shelf: Shelf) -> None:
    shelf.files.pop(0)
    shelf.refresh()
    assert shelf.editors.of("a") == ()
