"""A mistake in a written file: where it stands, what was found, what was expected, how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from firedoor.domain.core.errors import FiredoorError, Unreadable
from firedoor.domain.core.value import Value

#: The way from a document's top to one of its parts: keys of mappings and indexes of lists.
Way = tuple[str | int, ...]


class Position(Value):
    """A place in a file; lines and columns count from 1, as editors show them."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problem(Value):
    """One mistake at one place. `law` is the id of the rule it breaks, where it has one."""

    file: str
    line: int
    column: int
    found: str
    expected: str = ""
    mend: str = ""
    law: str | None = None

    @classmethod
    def at(
        cls, position: Position, found: str, *, expected: str = "", mend: str = "", law: str | None = None
    ) -> Problem:
        """Make a problem that stands at `position`."""
        return cls(
            file=position.file,
            line=position.line,
            column=position.column,
            found=found,
            expected=expected,
            mend=mend,
            law=law,
        )

    def __str__(self) -> str:
        parts = [f"{self.file}:{self.line}:{self.column}: {self.found}"]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.mend:
            parts.append(self.mend)
        return "; ".join(parts)


class Problems(FiredoorError):
    """Every mistake of what was read, in the order of the file; never empty."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda each: (each.file, each.line, each.column)))
        first = self.problems[0]
        super().__init__(
            f"{first.file}:{first.line}:{first.column}: {first.found}",
            expected=first.expected,
            mend=first.mend,
        )

    def __str__(self) -> str:
        return "\n".join(str(each) for each in self.problems)


class Illegible(Unreadable):
    """Text that is no document at all; `problem` says where reading stopped."""

    def __init__(self, problem: Problem) -> None:
        place = f"{problem.file}:{problem.line}:{problem.column}"
        super().__init__(f"{place}: {problem.found}", expected=problem.expected, mend=problem.mend)
        self.problem = problem


class Mistake(Value):
    """What a model's own validator found; `way` leads from that model to the part it is about."""

    found: str
    expected: str = ""
    mend: str = ""
    way: Way = ()
    of_key: bool = False


class Mistakes(ValueError):
    """Raised inside a model's validator, so that each mistake is reported at its own line."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("; ".join(each.found for each in mistakes))
        self.mistakes = mistakes


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Name the known word that was probably meant; "" when none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""
