"""The configuration as it is written: what a command needs of it without reading anybody's secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from activities.registry import Registry, load
from firedoor.app.playbooks_in_force import playbook_files, read_shelf
from firedoor.config.configuration import Configuration
from firedoor.config.settings import SHIPPED_PLAYBOOKS, Settings
from firedoor.domain.people.people import People
from firedoor.domain.playbook.checking import Known
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.yaml import reader
from firedoor.domain.yaml.reader import Written

W = TypeVar("W", bound=Written)


def configuration(directory: Path) -> Configuration | None:
    """Read firedoor.yaml; None where there is none. Raises `Problems`."""
    return _read(directory / "firedoor.yaml", Configuration)


def people(directory: Path) -> People | None:
    """Read people.yaml; None where there is none. Raises `Problems`."""
    return _read(directory / "people.yaml", People)


def _read(file: Path, model: type[W]) -> W | None:
    if not file.is_file():
        return None
    return reader.load(reader.read(file.read_bytes(), str(file)), model)


def action_folders(directory: Path) -> tuple[Path, ...]:
    """Name the folders of the user's own actions; they count from the folder above the configuration's."""
    written = configuration(directory)
    base = directory.absolute().parent
    return tuple(base / folder for folder in written.actions) if written else ()


def playbook_folder(directory: Path) -> Path:
    """Name the folder of the playbooks in force."""
    written = configuration(directory)
    if written is None or written.playbooks is None:
        return SHIPPED_PLAYBOOKS
    return directory.absolute().parent / written.playbooks


def known_of(registry: Registry) -> dict[str, Known]:
    """Say what a playbook may name."""
    return {name: Known(entry.spec, entry.params) for name, entry in registry.items()}


def shelf_of(settings: Settings) -> tuple[Playbook, ...]:
    """Read the playbooks in force; raises `Problems`."""
    groups = frozenset(settings.people.groups)
    return read_shelf(playbook_files(settings.playbooks), known_of(load(settings.actions)), groups)
