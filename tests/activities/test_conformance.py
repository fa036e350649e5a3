"""Every action of the tree, in every world that implements its calls, against the conformance kit."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import activities
import tests.scenes
from firedoor.domain.action.action import Action
from firedoor.testing.conformance import Conformance
from tests.scenes.aws_world import AwsScene


def _classes(package: ModuleType, base: type[Any]) -> Iterator[type[Any]]:
    """Yield the finished classes that the modules of a package define."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        for cls in vars(module).values():
            if inspect.isclass(cls) and issubclass(cls, base) and cls.__module__ == module.__name__:
                yield cls


SCENES = [scene for scene in _classes(tests.scenes, AwsScene) if hasattr(scene, "action")]
PLACES = [
    pytest.param((scene, emulator), id=f"{scene.__module__.rpartition('.')[2]}-{scene.__name__}-{emulator}")
    for scene in SCENES
    for emulator in scene.emulators
]


def test_every_action_of_the_tree_has_a_scene() -> None:
    """An action without a scene is an action that nobody has seen work."""
    actions = {cls for cls in _classes(activities, Action) if not inspect.isabstract(cls)}
    assert actions, "no action was found"
    without = actions - {scene.action for scene in SCENES}
    assert not without, f"give each a class in tests/scenes: {sorted(cls.__name__ for cls in without)}"


@pytest.mark.integration
class TestEveryAction(Conformance):
    """The kit over all scenes."""

    @pytest.fixture(params=PLACES)
    def scene(self, request: pytest.FixtureRequest) -> AwsScene:
        """Give each scene an emptied account in each of its emulators."""
        scene, emulator = request.param
        built: AwsScene = scene(request.getfixturevalue(f"{emulator}_world"))
        return built
