"""What binds an identity to a person in people.yaml, written into the file and taken out again."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from firedoor.domain.core.errors import Misconfigured
from firedoor.domain.people.people import Passkey, People, Person, identities
from firedoor.domain.yaml import reader
from firedoor.domain.yaml.document import MAX_BYTES
from firedoor.domain.yaml.problem import did_you_mean
from firedoor.people.yaml_edit import Uneditable, append, drop, put

Key = Literal["slack", "oidc", "okta", "token_sha256", "passkeys"]


def link(file: Path, person: str, key: Key, value: str | Passkey) -> bool:
    """Bind an identity to a person; False where it is theirs already. A token takes the old one's place.

    Raises `Misconfigured` where it is somebody else's, or they have another one, and `Problems`
    for a file that does not check. The file is replaced as a whole, or not touched.
    """
    with _locked(file):
        text, people = _read(file)
        known = _person(people, person, file)
        _nobody_elses(people, person, key, value)
        before = getattr(known, key)
        if key == "slack" and value in known.slack_accounts:
            return False
        if key == "passkeys" and value in known.passkeys:
            return False
        if key in ("oidc", "okta") and before is not None:
            if before == value:
                return False
            raise Misconfigured(
                f"{person} has another {key} already: {before!r}",
                mend=f"take it away first: firedoor people unlink {person} --{key} {before}",
            )
        with _editable(file):
            new, after = _linked(text, known, ("people", person, key), value)
        _write(file, text, new, _with(people, person, key, after))
    return True


def unlink(file: Path, person: str, key: Key, value: str | None = None) -> None:
    """Take an identity from a person. A passkey goes by its name or id; a token needs no `value`.

    Raises `Misconfigured` where it is not theirs, and `Problems` likewise.
    """
    with _locked(file):
        text, people = _read(file)
        known = _person(people, person, file)
        written = getattr(known, key)
        each = written if isinstance(written, tuple) else () if written is None else (written,)
        left = tuple(one for one in each if not _is(one, key, value))
        if len(left) == len(each):
            raise Misconfigured(f"{person} has no such {key}", expected="what `firedoor people` lists")
        number = next(number for number, one in enumerate(each) if _is(one, key, value))
        way = ("people", person, key) if not left else ("people", person, key, number)
        with _editable(file):
            new = drop(text, way)
        _write(file, text, new, _with(people, person, key, left if left or key == "passkeys" else None))


def _linked(text: str, known: Person, way: tuple[str, str, Key], value: str | Passkey) -> tuple[str, Any]:
    """Return the new text, and what stands there in it."""
    if isinstance(value, Passkey):
        plain = value.model_dump()
        new = append(text, way, plain) if known.passkeys else put(text, way, [plain])
        return new, (*known.passkeys, value)
    if way[2] == "slack" and known.slack is not None:
        accounts = (*known.slack_accounts, value)
        new = put(text, way, accounts) if isinstance(known.slack, str) else append(text, way, value)
        return new, accounts
    return put(text, way, value), value


def _is(one: str | Passkey, key: Key, value: str | None) -> bool:
    if isinstance(one, Passkey):
        return value in (one.name, one.id)
    return one == value or (key == "token_sha256" and value is None)


def _with(people: People, person: str, key: Key, after: Any) -> People:
    changed = people.people[person].model_copy(update={key: after})
    return people.model_copy(update={"people": {**people.people, person: changed}})


def _person(people: People, person: str, file: Path) -> Person:
    known = people.people.get(person)
    if known is None:
        raise Misconfigured(
            f"{file} has nobody called {person!r}",
            expected="the id of one of the people",
            mend=did_you_mean(person, people.people) or f"add {person}: {{name: …}} under people first",
        )
    return known


def _nobody_elses(people: People, person: str, key: Key, value: str | Passkey) -> None:
    wanted = value.id if isinstance(value, Passkey) else value
    for id_, other in people.people.items():
        if id_ != person and wanted in identities(other, key):
            raise Misconfigured(
                f"it is bound to {id_} ({other.name}) already",
                expected="one person for one identity",
                mend=f"is it the same human? Then use that entry; else: firedoor people unlink {id_} …",
            )


# ---- the file ------------------------------------------------------------------------------


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Let two administrators write one after the other."""
    try:
        folder = os.open(file.resolve().parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise Misconfigured(
            f"{file.parent} cannot be read: {error.strerror}", expected="the directory of the configuration"
        ) from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _read(file: Path) -> tuple[str, People]:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise Misconfigured(
            f"{file} cannot be read: {error.strerror or type(error).__name__}",
            expected="people.yaml in the directory of the configuration",
            mend="`firedoor init` writes a set to start from; --config names another directory",
        ) from error
    people = reader.load(reader.read(data, str(file)), People)
    return data.decode("utf-8"), people


@contextmanager
def _editable(file: Path) -> Iterator[None]:
    try:
        yield
    except Uneditable as error:
        raise _by_hand(file) from error


def _by_hand(file: Path) -> Misconfigured:
    return Misconfigured(
        f"{file} is written in a way that this command does not edit",
        expected="each person as a mapping with its keys on lines of their own, or in one {…}",
        mend="edit the file by hand; nothing was changed",
    )


def _write(file: Path, before: str, text: str, expected: People) -> None:
    """Replace the file at once, after reading the new text as strictly as any other."""
    if reader.load(reader.read(text, str(file)), People) != expected:
        raise _by_hand(file)
    there = file.resolve()
    seen = there.stat()
    with tempfile.NamedTemporaryFile(dir=there.parent, prefix=".people.", delete=False) as fresh:
        try:
            fresh.write(text.encode())
            os.fchmod(fresh.fileno(), seen.st_mode & 0o7777)
            with suppress(PermissionError):  # only root gives files away; the owner is then who ran this
                os.fchown(fresh.fileno(), seen.st_uid, seen.st_gid)
            fresh.flush()
            os.fsync(fresh.fileno())
            _unchanged(file, before)
            Path(fresh.name).replace(there)
        except BaseException:
            Path(fresh.name).unlink(missing_ok=True)
            raise


def _unchanged(file: Path, before: str) -> None:
    if file.read_bytes() != before.encode():
        raise Misconfigured(f"{file} was changed meanwhile", mend="run the command again")
