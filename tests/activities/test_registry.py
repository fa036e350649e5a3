"""The registry: an action is whole and one of its name, or the house does not start."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from pydantic import ValidationError

from activities.registry import Registry, load
from firedoor.domain.core.errors import Misconfigured

WHOLE = '''
from datetime import timedelta
from firedoor.domain.action.action import *
from firedoor.domain.action.action import FULL

class Which(Params):
    """Which."""
    name: str
    fast: bool = False

class Was(Before):
    """How it was."""

class Act(Action):
    """Act on one thing.

    More words about it.
    """
    summary = "act on a thing"
    reversibility = FULL
    risk = Risk.LOW
    permissions = Permissions(read=("x:Look",), apply=("x:Act",))
    settles_within = timedelta(seconds=2)
    example = {"name": "one"}
    def target(self, params: Which) -> str: return params.name
    def plan(self, params: Which) -> Planned: return Already(says="so")
    def apply(self, params: Which, before: Was) -> None: ...
    def verify(self, params: Which, before: Was) -> Verified: ...
    def undo(self, params: Which, before: Was) -> Undone: ...
'''
FIND = '''
from firedoor.domain.action.action import *

class Which(Params):
    """Which."""
    name: str

class Find(Lookup):
    """Find one thing."""
    summary = "find a thing"
    permissions = Permissions(read=("x:Look",), apply=())
    example = {"name": "one"}
    def read(self, params: Which) -> Before: ...
'''


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Write one action file into a user's folder."""
    modules = set(sys.modules)

    def write(text: str, name: str = "act", folder: str = "actions", system: str = "sys") -> Path:
        file = tmp_path / folder / system / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
        return tmp_path / folder

    yield write
    for name in set(sys.modules) - modules:
        if name.startswith("firedoor_actions."):
            del sys.modules[name]


def without(*lines: str) -> str:
    """Return the whole action without the lines that begin so."""
    kept = [line for line in WHOLE.splitlines() if not line.strip().startswith(lines)]
    assert len(kept) < len(WHOLE.splitlines())
    return "\n".join(kept)


class TestWhole:
    def test_an_action_in_a_folder_of_the_users_is_known_by_its_place(self, write) -> None:
        known = load([write(WHOLE)])
        entry = known["sys.act"]
        assert (entry.spec.name, entry.spec.kind, entry.system) == ("sys.act", "action", "sys")
        assert entry.spec.summary == "act on a thing"
        assert entry.spec.doc.startswith("Act on one thing.")
        assert set(entry.spec.params_schema["properties"]) == {"name", "fast"}
        assert entry.spec.example == {"name": "one"}

    def test_the_houses_own_actions_are_there_beside_it_in_their_order(self, write) -> None:
        known = load([write(WHOLE)])
        assert list(known) == sorted([*load(), "sys.act"])
        assert dict(known.specs) == {name: entry.spec for name, entry in known.items()}

    def test_a_lookup_is_known_as_one(self, write) -> None:
        entry = load([write(FIND, "find")])["sys.find"]
        assert (entry.spec.kind, entry.before) == ("lookup", None)
        with pytest.raises(Misconfigured, match=r"sys\.find was given nothing captured"):
            entry.read_before({})

    def test_parameters_are_read_strictly(self, write) -> None:
        entry = load([write(WHOLE)])["sys.act"]
        assert entry.read_params({"name": "a", "fast": True}).model_dump() == {"name": "a", "fast": True}
        for wrong in ({"name": "a", "fast": "true"}, {"name": "a", "fast": 1}, {"name": 1}, {"nme": "a"}, {}):
            with pytest.raises(ValidationError):
                entry.read_params(wrong)

    def test_what_was_captured_is_needed_to_give_it_back(self, write) -> None:
        with pytest.raises(Misconfigured, match="nothing captured"):
            load([write(WHOLE)])["sys.act"].read_before(None)


class TestHalfWritten:
    @pytest.mark.parametrize("verb", ["target", "plan", "apply", "verify"])
    def test_a_missing_verb_is_named(self, write, verb: str) -> None:
        with pytest.raises(Misconfigured) as refused:
            load([write(without(f"def {verb}("))])
        assert f"half-written: it lacks {verb};" in str(refused.value)
        assert "sys.act (firedoor_actions.sys.act.Act)" in str(refused.value)

    def test_all_missing_verbs_are_named_at_once(self, write) -> None:
        with pytest.raises(Misconfigured, match="it lacks apply, plan, target, verify;"):
            load([write(without("def target", "def plan", "def apply", "def verify"))])

    def test_a_lookup_without_its_verb(self, write) -> None:
        with pytest.raises(Misconfigured, match="it lacks read;"):
            load([write(FIND.replace("def read", "def look"), "find")])

    def test_a_missing_undo_is_refused_with_the_way_out(self, write) -> None:
        with pytest.raises(Misconfigured, match="it lacks undo; expected undo, or reversibility kind 'none'"):
            load([write(without("def undo("))])

    def test_an_irreversible_action_needs_no_undo_and_may_have_none(self, write) -> None:
        none = 'Reversibility(kind="none", says="because")'
        folder = write(without("def undo(").replace("= FULL", f"= {none}"))
        assert load([folder])["sys.act"].spec.reversibility.kind == "none"
        write(WHOLE.replace("= FULL", f"= {none}"))
        with pytest.raises(Misconfigured, match="says it cannot be undone, and has an undo"):
            load([folder])

    @pytest.mark.parametrize(
        "attribute", ["summary", "reversibility", "risk", "permissions", "settles_within", "example"]
    )
    def test_a_missing_declaration_is_named(self, write, attribute: str) -> None:
        with pytest.raises(Misconfigured, match=f"does not declare {attribute}; expected a class attribute"):
            load([write(without(f"{attribute} ="))])

    @pytest.mark.parametrize("attribute", ["summary", "permissions", "example"])
    def test_a_lookup_declares_what_it_needs(self, write, attribute: str) -> None:
        text = "\n".join(line for line in FIND.splitlines() if not line.strip().startswith(f"{attribute} ="))
        with pytest.raises(Misconfigured, match=f"does not declare {attribute}"):
            load([write(text, "find")])

    @pytest.mark.parametrize(
        "wrong", ["summary = 3", "risk = 'low'", "settles_within = 30", "example = [1]", "permissions = {}"]
    )
    def test_a_declaration_of_another_type_is_none(self, write, wrong: str) -> None:
        attribute = wrong.split(" ", 1)[0]
        text = "\n".join(
            f"    {wrong}" if line.strip().startswith(f"{attribute} =") else line
            for line in WHOLE.splitlines()
        )
        with pytest.raises(Misconfigured, match=f"does not declare {attribute}"):
            load([write(text)])

    @pytest.mark.parametrize(
        "signature",
        [
            "params, before: Was",
            "params: Which, before",
            "params: dict, before: Was",
            "params: Was, before: Which",
        ],
    )
    def test_apply_says_what_it_takes(self, write, signature: str) -> None:
        with pytest.raises(Misconfigured, match="apply does not say what it takes"):
            load(
                [write(WHOLE.replace("apply(self, params: Which, before: Was)", f"apply(self, {signature})"))]
            )

    def test_a_model_that_the_file_does_not_know_at_run_time_is_named(self, write) -> None:
        with pytest.raises(
            Misconfigured, match=r"sys\.act .*apply takes what its file does not know.*'Nowhere'"
        ):
            load([write(WHOLE.replace("apply(self, params: Which", "apply(self, params: 'Nowhere'"))])

    @pytest.mark.parametrize(
        "example", ['{"nme": "one"}', '{"name": 1}', '{"name": "a", "fast": "yes"}', "{}"]
    )
    def test_an_example_that_does_not_fit(self, write, example: str) -> None:
        with pytest.raises(Misconfigured, match=r"the example of sys\.act does not fit its own parameters"):
            load([write(WHOLE.replace('{"name": "one"}', example))])


class TestDoubled:
    def test_two_classes_in_one_file(self, write) -> None:
        second = WHOLE.replace("class Act", "class Again").split("class Was", 1)[1].split("class Again", 1)[1]
        with pytest.raises(
            Misconfigured, match=r"action sys\.act stands twice: Act in .*act\.py and Again in "
        ):
            load([write(WHOLE + "\nclass Again" + second)])

    def test_two_files_of_one_name_are_told_apart(self, write, tmp_path: Path) -> None:
        folders = [write(WHOLE, folder="mine"), write(WHOLE, folder="theirs")]
        with pytest.raises(Misconfigured) as refused:
            load(folders)
        assert str(tmp_path / "mine" / "sys" / "act.py") in str(refused.value)
        assert str(tmp_path / "theirs" / "sys" / "act.py") in str(refused.value)

    def test_one_of_the_houses_own_cannot_be_replaced(self, write) -> None:
        with pytest.raises(Misconfigured, match=r"action aws\.deactivate_access_key stands twice"):
            load([write(WHOLE, "deactivate_access_key", system="aws")])

    def test_a_renamed_import_is_no_action_of_this_file(self, write) -> None:
        write(WHOLE)
        folder = write("from tests.toy_actions.toy.shut import Shut as Close\n" + WHOLE, "other")
        assert {"sys.act", "sys.other"} <= set(load([folder]))

    def test_a_second_name_for_a_class_is_no_second_action(self, write) -> None:
        assert "sys.act" in load([write(WHOLE + "\nOldName = Act\n")])

    def test_a_subclass_of_an_imported_action_is_one_action(self, write) -> None:
        text = """
            from tests.toy_actions.toy.shut import Shut
            class Slam(Shut):
                '''Shut it loudly.'''
                summary = "slam a door"
            """
        entry = load([write(text, "slam")])["sys.slam"]
        assert entry.spec.summary == "slam a door"
        assert entry.read_params({"door": "x"})

    def test_a_subclass_of_a_shared_base_is_one_action(self, write) -> None:
        text = WHOLE.replace("class Act(", "class _Base(") + "\nclass Act(_Base):\n    '''Act.'''\n"
        assert load([write(text)])["sys.act"].spec.doc == "Act."


class TestFolders:
    def test_a_file_that_cannot_be_imported_is_named_with_the_cause(self, write, tmp_path: Path) -> None:
        folder = write("import nowhere_to_be_found\n", "broken")
        with pytest.raises(Misconfigured) as refused:
            load([folder])
        assert str(tmp_path / "actions" / "sys" / "broken.py") in str(refused.value)
        assert "ModuleNotFoundError: No module named 'nowhere_to_be_found'" in str(refused.value)

    def test_a_file_that_is_no_python_is_named(self, write) -> None:
        with pytest.raises(Misconfigured, match=r"broken\.py cannot be imported: SyntaxError"):
            load([write("class (:\n", "broken")])

    def test_a_folder_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured, match="nowhere is not a folder; expected a folder of actions"):
            load([tmp_path / "nowhere"])

    def test_an_empty_folder_adds_nothing(self, tmp_path: Path) -> None:
        assert set(load([tmp_path])) == set(load())

    def test_the_package_file_is_no_action(self, write) -> None:
        write("raise RuntimeError\n", "__init__")
        assert "sys.act" in load([write(WHOLE)])


def test_the_registry_cannot_be_changed() -> None:
    known = load()
    with pytest.raises(TypeError):
        known._entries["x"] = None  # type: ignore[index]
    assert isinstance(known, Registry)
    assert "aws.deactivate_access_key" in known
