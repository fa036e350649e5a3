"""The registry finds every action, refuses half-written or doubled ones, and knows each by its name."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import to_json

import activities
from firedoor.domain.action.action import (
    Action,
    ActionSpec,
    Before,
    Lookup,
    Params,
    Permissions,
    Reversibility,
    Risk,
)
from firedoor.domain.core.errors import Misconfigured

_DECLARED: Mapping[str, type] = {
    "summary": str,
    "reversibility": Reversibility,
    "risk": Risk,
    "permissions": Permissions,
    "settles_within": timedelta,
    "example": Mapping,
}
_DECLARED_BY_LOOKUPS = ("summary", "permissions", "example")


@dataclass(frozen=True)
class Entry:
    """One action or lookup: its class, its models, and what everyone may know of it."""

    spec: ActionSpec
    cls: type[Action | Lookup]
    params: type[Params]
    before: type[Before] | None

    def read_params(self, raw: Mapping[str, Any]) -> Params:
        """Read parameters strictly; raises pydantic's ValidationError."""
        read: Params = _adapter(self.params).validate_json(to_json(raw), strict=True)
        return read

    def read_before(self, raw: Mapping[str, Any] | None) -> Before:
        """Read what `plan` captured, as it comes back out of history."""
        if self.before is None or raw is None:
            raise Misconfigured(
                f"{self.spec.name} was given nothing captured", expected="what its plan captured"
            )
        read: Before = _adapter(self.before).validate_json(to_json(raw))
        return read

    @property
    def system(self) -> str:
        """The folder, and so the connector, it belongs to, such as `aws`."""
        return self.spec.name.split(".", 1)[0]


@lru_cache(maxsize=512)
def _adapter(model: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(model)


class Registry(Mapping[str, Entry]):
    """All actions and lookups, by name."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = MappingProxyType(dict(sorted(entries.items())))

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def specs(self) -> Mapping[str, ActionSpec]:
        """What the domain, the docs and the linter know of each."""
        return {name: entry.spec for name, entry in self._entries.items()}


def load(folders: Sequence[Path] = ()) -> Registry:
    """Find the house's own actions and those in folders of the user's (`actions:` in firedoor.yaml).

    A folder holds one folder per system (`aws/`), each file one action, as here.
    Raises Misconfigured for a half-written, a doubled or an unimportable action.
    """
    entries: dict[str, Entry] = {}
    places: dict[str, str] = {}
    for name, module in (*_own_modules(), *_modules_of(folders)):
        for cls in _classes_of(module):
            place = f"{cls.__qualname__} in {module.__file__}"
            if name in entries:
                raise Misconfigured(
                    f"action {name} stands twice: {places[name]} and {place}",
                    expected="one class a file, one file a name",
                    mend="rename one of the files, or move one class to a file of its own",
                )
            entries[name], places[name] = entry_of(name, cls), place
    return Registry(entries)


def _own_modules() -> Iterator[tuple[str, ModuleType]]:
    for package in pkgutil.iter_modules(activities.__path__):
        if package.ispkg:
            holder = importlib.import_module(f"activities.{package.name}")
            for module in pkgutil.iter_modules(holder.__path__):
                yield (
                    f"{package.name}.{module.name}",
                    importlib.import_module(f"activities.{package.name}.{module.name}"),
                )


def _modules_of(folders: Sequence[Path]) -> Iterator[tuple[str, ModuleType]]:
    for folder in folders:
        if not folder.is_dir():
            raise Misconfigured(
                f"{folder} is not a folder", expected="a folder of actions, one folder per system"
            )
        for file in sorted(folder.glob("*/*.py")):
            if file.stem != "__init__":
                yield f"{file.parent.name}.{file.stem}", _import_file(file)


def _import_file(file: Path) -> ModuleType:
    name = f"firedoor_actions.{file.parent.name}.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise Misconfigured(f"{file} cannot be imported", expected="a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise Misconfigured(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _classes_of(module: ModuleType) -> list[type[Action | Lookup]]:
    """List the actions a module defines itself; a shared base starts with an underscore."""
    defined = [
        cls
        for name, cls in vars(module).items()
        if inspect.isclass(cls)
        and issubclass(cls, (Action, Lookup))
        and cls.__module__ == module.__name__
        and not name.startswith("_")
    ]
    return list(dict.fromkeys(defined))  # a second name for a class is no second action


def entry_of(name: str, cls: type[Action | Lookup]) -> Entry:
    """Read everything about one class, or refuse it loudly."""
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    if missing:
        raise Misconfigured(
            f"{name} ({_place(cls)}) is half-written: it lacks {', '.join(missing)}",
            expected="every verb of the contract",
            mend="write them; see firedoor/domain/action/action.py",
        )
    if issubclass(cls, Lookup):
        return _lookup_entry(name, cls)
    for attribute, kind in _DECLARED.items():
        if not isinstance(getattr(cls, attribute, None), kind):
            raise Misconfigured(
                f"{name} ({_place(cls)}) does not declare {attribute}",
                expected=f"a class attribute of type {kind.__name__}",
            )
    _check_undo(name, cls)
    hints = _hints(name, cls, cls.apply)
    params, before = hints.get("params"), hints.get("before")
    if not (
        inspect.isclass(params)
        and issubclass(params, Params)
        and inspect.isclass(before)
        and issubclass(before, Before)
    ):
        raise Misconfigured(
            f"{name} ({_place(cls)}): apply does not say what it takes",
            expected="apply(self, params: <a Params>, before: <a Before>) -> None",
        )
    spec = ActionSpec(
        name=name,
        summary=cls.summary,
        reversibility=cls.reversibility,
        risk=cls.risk,
        permissions=cls.permissions,
        settles_within=cls.settles_within,
        example=dict(cls.example),
        params_schema=params.model_json_schema(),
        doc=inspect.getdoc(cls) or "",
    )
    entry = Entry(spec=spec, cls=cls, params=params, before=before)
    _check_example(entry)
    return entry


def _lookup_entry(name: str, cls: type[Lookup]) -> Entry:
    for attribute in _DECLARED_BY_LOOKUPS:
        if not isinstance(getattr(cls, attribute, None), _DECLARED[attribute]):
            raise Misconfigured(f"{name} ({_place(cls)}) does not declare {attribute}")
    params = _hints(name, cls, cls.read).get("params")
    if not (inspect.isclass(params) and issubclass(params, Params)):
        raise Misconfigured(
            f"{name} ({_place(cls)}): read does not say what it takes",
            expected="read(self, params: <a Params>)",
        )
    spec = ActionSpec(
        name=name,
        kind="lookup",
        summary=cls.summary,
        reversibility=Reversibility(kind="full"),
        risk=Risk.LOW,
        permissions=cls.permissions,
        settles_within=timedelta(),
        example=dict(cls.example),
        params_schema=params.model_json_schema(),
        doc=inspect.getdoc(cls) or "",
    )
    entry = Entry(spec=spec, cls=cls, params=params, before=None)
    _check_example(entry)
    return entry


def _hints(name: str, cls: type, verb: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(verb)
    except NameError as error:
        raise Misconfigured(
            f"{name} ({_place(cls)}): {verb.__name__} takes what its file does not know: {error}",
            expected="models imported at run time, not under TYPE_CHECKING",
        ) from error


def _check_undo(name: str, cls: type[Action]) -> None:
    has_undo = cls.undo is not Action.undo
    irreversible = cls.reversibility.kind == "none"
    if irreversible and has_undo:
        raise Misconfigured(f"{name} says it cannot be undone, and has an undo", mend="delete one of the two")
    if not irreversible and not has_undo:
        raise Misconfigured(
            f"{name} ({_place(cls)}) is half-written: it lacks undo",
            expected="undo, or reversibility kind 'none' with the reason",
        )


def _check_example(entry: Entry) -> None:
    try:
        entry.read_params(entry.spec.example)
    except ValueError as error:
        raise Misconfigured(
            f"the example of {entry.spec.name} does not fit its own parameters: {error}"
        ) from error


def _place(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
