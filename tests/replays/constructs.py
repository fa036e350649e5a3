"""One short response per construct of the workflow: what `record` keeps and `test_replays` replays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio.testing import WorkflowEnvironment

from firedoor.domain.finding.finding import Resource, Severity
from firedoor.domain.response.contract import JOIN
from tests.harness import NOW, Response, begin, finding, playbook, write_people
from tests.toy_world import ToyWorld

Play = Callable[[WorkflowEnvironment, ToyWorld], Awaitable[Response]]

_FRONT = '  - {id: front, action: toy.shut, params: {door: "${{ finding.resources[0].name }}"}}\n'
_BACK = "  - {id: back, action: toy.shut, params: {door: back}}\n"
_WELD = "  - {id: weld_it, action: toy.weld, params: {door: front}}\n"
_SEQUENCE = "hold: 1m\nsteps:\n" + _FRONT + _BACK
_ASKED = "hold: 1m\nsteps:\n" + _FRONT + _WELD
_EACH = (
    "hold: 1m\nsteps:\n  - id: each\n    for_each: finding.resources\n    as: door\n    max_targets: 5\n"
    '    action: toy.shut\n    params: {door: "${{ door.name }}"}\n'
)


async def _over(env: WorkflowEnvironment, response: Response) -> Response:
    await response.until("contained", "failed", "unverified", "reverted")
    await env.fast_forward(response.handle, timedelta(minutes=2))
    await response.result()
    return response


async def sequence(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    return await _over(env, await begin(env.client, playbook(_SEQUENCE)))


async def together(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    steps = "".join("    " + line for line in (_FRONT, _BACK))
    return await _over(env, await begin(env.client, playbook("hold: 1m\nsteps:\n  - together:\n" + steps)))


async def for_each(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    doors = tuple(Resource(kind="Toy::Door", uid=name, name=name) for name in ("front", "back"))
    return await _over(env, await begin(env.client, playbook(_EACH), finding(resources=doors)))


async def nothing_to_do(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    world.door("front", "shut by somebody")
    response = await begin(env.client, playbook("steps:\n" + _FRONT))
    await response.result()
    return response


async def shadow(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook("mode: shadow\n" + _SEQUENCE))
    await response.result()
    return response


async def granted(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook(_ASKED))
    await response.until_asking()
    await response.until_seen("verified")
    await response.vote("alice")
    return await _over(env, response)


async def rejected(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook(_ASKED))
    await response.until_asking()
    await response.vote("alice", "reject")
    return await _over(env, response)


async def escalated(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook("hold: 1m\nsteps:\n" + _WELD))
    await response.until_asking()
    await env.fast_forward(response.handle, timedelta(minutes=31))
    await response.until_asking(generation=2)
    await response.vote("carol")
    return await _over(env, response)


async def silence(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook("steps:\n" + _WELD))
    await response.until_asking()
    await env.fast_forward(response.handle, timedelta(minutes=31))
    await response.until_asking(generation=2)
    await env.fast_forward(response.handle, timedelta(minutes=31))
    await response.result()
    return response


async def drifted(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook("hold: 1m\nsteps:\n" + _WELD))
    await response.until_asking()
    (world.folder / "front.note").write_text("a child stands in it")
    await response.vote("alice")
    await response.until_asking(generation=2)
    await response.vote("bob")
    return await _over(env, response)


async def undone(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook(_SEQUENCE))
    await response.until("contained")
    await response.ask_undo("alice")
    await response.vote("bob")
    await response.result()
    return response


async def undo_refused(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook(_SEQUENCE))
    await response.until("contained")
    await response.ask_undo("alice")
    await response.vote("bob", "reject")
    return await _over(env, response)


async def failure_undoes(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    world.fault("apply", "back", "rejected", 100)
    response = await begin(env.client, playbook(_SEQUENCE))
    await response.result()
    return response


async def failure_continues(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    world.fault("apply", "front", "rejected", 100)
    return await _over(env, await begin(env.client, playbook("on_failure: continue\n" + _SEQUENCE)))


async def stuck(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    world.fault("apply", "back", "rejected", 100)
    world.fault("undo", "front", "rejected", 100)
    response = await begin(env.client, playbook(_SEQUENCE))
    await response.result()
    return response


async def cancelled(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook(_SEQUENCE))
    await response.until("contained")
    await response.handle.cancel()
    await response.until_asking("undo")
    await response.vote("bob")
    await response.result()
    return response


async def joined(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook(_EACH))
    await response.until("contained")
    more = finding(
        uid="f-2",
        severity=Severity.CRITICAL,
        modified=NOW + timedelta(minutes=1),
        resources=(Resource(kind="Toy::Door", uid="back", name="back"),),
    )
    await response.handle.execute_update(JOIN, more)
    await response.until_seen("verified", times=2)
    return await _over(env, response)


async def settled_late(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    world.fault("verify", "front", "not_yet", 1)
    return await _over(env, await begin(env.client, playbook("hold: 1m\nsteps:\n" + _FRONT)))


async def reverted(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook("hold: 1m\nsteps:\n" + _FRONT))
    await response.until("contained")
    world.door("front", "open")
    await env.fast_forward(response.handle, timedelta(seconds=6))
    return await _over(env, response)


async def reminded(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook("hold: 1m\nsteps:\n" + _WELD))
    await response.until_asking()
    await env.fast_forward(response.handle, timedelta(minutes=16))
    await response.until_seen("reminded")
    await response.vote("alice")
    return await _over(env, response)


async def put_off_and_handed_on(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook("hold: 1m\nsteps:\n" + _WELD))
    await response.until_asking()
    await response.snooze("alice", minutes=20)
    await response.reassign("alice", "bob")
    await env.fast_forward(response.handle, timedelta(minutes=21))
    await response.until_seen("reminded")
    await response.vote("bob")
    return await _over(env, response)


async def glass_broken(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook("hold: 1m\nsteps:\n" + _WELD))
    await response.until_asking()
    await response.vote("dave", break_glass=True, comment="nobody answers and it is burning")
    report = await response.until("contained")
    assert report.review is not None
    await response.vote("carol", fingerprint=report.review.fingerprint, ask=report.review.id)
    await response.until_seen("reviewed")
    return await _over(env, response)


async def glass_never_reviewed(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook("hold: 1m\nsteps:\n" + _WELD))
    await response.until_asking()
    await response.vote("dave", break_glass=True, comment="nobody answers and it is burning")
    await response.until("contained")
    await env.fast_forward(response.handle, timedelta(hours=5))
    await response.result()
    return response


async def vote_fell(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook("hold: 1m\nsteps:\n" + _WELD))
    await response.until_asking()
    write_people(world.people, without=("alice",))
    await response.vote("alice")
    await response.until_seen("voided")
    write_people(world.people)
    await response.vote("bob")
    return await _over(env, response)


async def nobody_could_be_looked_up(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook("steps:\n" + _WELD))
    await response.until_asking()
    (world.people / "people.yaml").unlink()
    await response.vote("alice")
    await env.fast_forward(response.handle, timedelta(minutes=3))
    await response.result()
    write_people(world.people)
    return response


async def false_positive(env: WorkflowEnvironment, world: ToyWorld) -> Response:
    response = await begin(env.client, playbook("steps:\n" + _WELD))
    await response.until_asking()
    await response.vote("alice", "reject", reason="false_positive")
    await response.result()
    return response


#: Every construct, by the name of its recorded history.
CONSTRUCTS: dict[str, Play] = {
    play.__name__: play
    for play in (
        sequence,
        together,
        for_each,
        nothing_to_do,
        shadow,
        granted,
        rejected,
        escalated,
        silence,
        drifted,
        undone,
        undo_refused,
        failure_undoes,
        failure_continues,
        stuck,
        cancelled,
        joined,
        settled_late,
        reverted,
        reminded,
        put_off_and_handed_on,
        glass_broken,
        glass_never_reviewed,
        vote_fell,
        nobody_could_be_looked_up,
        false_positive,
    )
}
