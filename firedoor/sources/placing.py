"""Where a finding is: the account and region of what it is about, else its own, never its messenger's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from firedoor.domain.finding.finding import Actor, Resource


def account_of(actor: Actor, resources: Iterable[Resource], own: str | None) -> str | None:
    """The account of the actor and the resources where they agree, else the finding's own."""
    told = {one for one in (actor.account, *(part.account for part in resources)) if one}
    return told.pop() if len(told) == 1 else own


def region_of(resources: Iterable[Resource], own: str | None) -> str | None:
    """The region of the resources where they agree, else the finding's own."""
    told = {part.region for part in resources if part.region}
    return told.pop() if len(told) == 1 else own


def distinct(actors: Sequence[Actor]) -> tuple[Actor, ...]:
    """The actors that are not told more fully by another; each is answered by itself."""
    told: list[Actor] = []
    facts = [
        frozenset(actor.model_dump(exclude={"source_ips"}, exclude_defaults=True).items()) for actor in actors
    ]
    for index, actor in enumerate(actors):
        mine = facts[index]
        named = actor.uid or actor.user_name or actor.role_name or actor.access_key_id or actor.session_name
        fuller = any(
            mine < other or (mine == other and place < index)
            for place, other in enumerate(facts)
            if place != index
        )
        if named and not fuller:
            told.append(actor)
    return tuple(told)


def by_actor(
    actors: Sequence[Actor], resources: Sequence[Resource], own: str | None, nobody: Actor
) -> Iterable[tuple[Actor, tuple[Resource, ...]]]:
    """Pair each actor with the resources its finding tells.

    A stranger's finding tells the stranger alone: what is ours stands with our own actors, or with nobody.
    """
    ours = [actor for actor in actors if own is None or actor.account in (None, own)]
    for actor in actors:
        yield actor, tuple(resources) if actor in ours else ()
    if not ours and (resources or not actors):
        yield nobody, tuple(resources)
