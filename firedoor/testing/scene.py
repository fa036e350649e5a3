"""The contract of a scene: the world in which the conformance kit tries one action.

Write one class per action, in one file, and give it these verbs:

    class DeactivateAccessKey(AwsScene):              # a world base brings `act` and the connectors
        action = deactivate_access_key.DeactivateAccessKey

        def arrange(self):   # set up a fresh world, return the parameters as a playbook would
        def snapshot(self):  # everything that the action may touch, as plain comparable values
        def disturb(self):   # after apply: change what we wrote, as somebody else would
        def replace(self):   # delete the target and make another of the same name
        def attack(self):    # True: the attacker's own call works; False: refused; None: not enforced here

A scene is made anew for every check, in an emptied world. `arrange` is called
once, before everything else. `snapshot` must not hold what moves by itself
(last-used times), and must hold what an action could spoil beside its target
(the other keys, the other policies), or "undo restores exactly" proves little.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from firedoor.domain.action.action import Action

#: Whose permissions an action may use: `read` serves plan and verify.
Phase = Literal["read", "apply", "undo"]

#: The starts of the names of operations that only look.
LOOKS = ("Get", "List", "Describe", "Head", "Lookup", "Simulate")


@dataclass(frozen=True)
class Made:
    """One call that an action made, and the permission that the vendor asks for it ("" = none)."""

    service: str
    operation: str
    permission: str


class Scene(ABC):
    """A world for one action; see the module's docstring."""

    #: The class under test.
    action: ClassVar[type[Action]]

    #: Declared permissions that the vendor needs although no call of that name is made; say why beside them.
    implied: ClassVar[Collection[str]] = ()

    #: Permissions that only an emulator asks for, where it differs from the vendor; say where beside them.
    emulator_asks: ClassVar[Collection[str]] = ()

    #: Why no command makes the change by hand; only where `by_hand` of the action is empty.
    no_command: ClassVar[str] = ""

    @abstractmethod
    def arrange(self) -> Mapping[str, Any]:
        """Set up the world before containment and return the action's parameters as plain values."""

    @abstractmethod
    def snapshot(self) -> Any:
        """Return everything the action may touch as plain comparable values."""

    def disturb(self) -> None:
        """Change what the action wrote, as somebody else would, so that undo must leave it alone.

        Only an irreversible action may go without.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what drift looks like")

    def replace(self) -> None:
        """Let the target be deleted, and another be made under the same name.

        Only an action whose target has a name that is given to nothing else may go without.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how its target gets a namesake")

    def attack(self) -> bool | None:
        """Try what the attacker can do: True it works, False it is refused, None it is not enforced here."""
        return None

    @abstractmethod
    def paste(self, command: str) -> None:
        """Run a command as an administrator would paste it into a shell. A world base does this.

        Raises AssertionError where the vendor's command line does not know a word of it, or fails.
        """

    @abstractmethod
    def act(self, phase: Phase) -> Action:
        """Return the action with a connector that has this phase's permissions. A world base does this."""

    @abstractmethod
    def made(self) -> list[Made]:
        """Return the calls that actions of this scene made since the last time this was asked."""

    @abstractmethod
    def deny(self, *permissions: str) -> None:
        """Refuse every call that needs one of these, from now on; without any, refuse nothing any more."""

    @abstractmethod
    def lose_reply(self, call: Made) -> None:
        """Let the next such call happen, and lose its answer. A world base does this."""

    @abstractmethod
    def remember(self) -> None:
        """Keep what every read answers from now on. A world base does this."""

    @abstractmethod
    def stale(self) -> None:
        """Let each read that is remembered be answered once as it was then, by an old replica.

        A world base does this.
        """
