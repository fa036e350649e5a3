"""Patience: how long each verb may take, how often it is tried again, and when its silence counts."""

from __future__ import annotations

from datetime import timedelta

from firedoor.domain.core.value import Value

_SECONDS = timedelta(seconds=1)


class Patience(Value):
    """One row: timeouts and retries of one kind of work.

    `attempt` bounds one try, `overall` all of them together. `heartbeat` is the
    silence after which a try on a dead worker is given to another.
    """

    attempt: timedelta
    overall: timedelta
    first_pause: timedelta
    longest_pause: timedelta
    heartbeat: timedelta | None = None


#: verb -> patience. Reading gives up soon and is planned again; changing is patient;
#: giving back is the most patient of all, for what it leaves undone wakes a human.
PATIENCE: dict[str, Patience] = {
    "plan": Patience(
        attempt=60 * _SECONDS,
        overall=timedelta(minutes=10),
        first_pause=0.2 * _SECONDS,
        longest_pause=10 * _SECONDS,
        heartbeat=4 * _SECONDS,
    ),
    # S3 has answered OperationAborted for 45 minutes (terraform-provider-aws, issue 7628); it is asked once.
    "apply": Patience(
        attempt=90 * _SECONDS,
        overall=timedelta(hours=1),
        first_pause=0.2 * _SECONDS,
        longest_pause=10 * _SECONDS,
        heartbeat=4 * _SECONDS,
    ),
    "verify": Patience(
        attempt=30 * _SECONDS,
        overall=timedelta(minutes=10),  # replaced by the action's own settling time
        first_pause=0.5 * _SECONDS,
        longest_pause=5 * _SECONDS,
        heartbeat=4 * _SECONDS,
    ),
    "undo": Patience(
        attempt=90 * _SECONDS,
        overall=timedelta(hours=1),
        first_pause=0.5 * _SECONDS,
        longest_pause=30 * _SECONDS,
        heartbeat=4 * _SECONDS,
    ),
    "watch": Patience(
        attempt=60 * _SECONDS,
        overall=timedelta(minutes=5),
        first_pause=1 * _SECONDS,
        longest_pause=30 * _SECONDS,
        heartbeat=4 * _SECONDS,
    ),
    "show": Patience(
        attempt=30 * _SECONDS,
        overall=timedelta(minutes=10),
        first_pause=1 * _SECONDS,
        longest_pause=30 * _SECONDS,
    ),
    # A directory that does not answer means no; a short outage of it need not.
    "confirm": Patience(
        attempt=5 * _SECONDS,
        overall=timedelta(minutes=2),
        first_pause=0.5 * _SECONDS,
        longest_pause=5 * _SECONDS,
    ),
    "frozen": Patience(
        attempt=60 * _SECONDS,
        overall=timedelta(minutes=3),
        first_pause=0.5 * _SECONDS,
        longest_pause=10 * _SECONDS,
    ),
    "write": Patience(
        attempt=30 * _SECONDS,
        overall=timedelta(minutes=1),
        first_pause=1 * _SECONDS,
        longest_pause=5 * _SECONDS,
    ),
    "cast": Patience(
        attempt=timedelta(minutes=5),
        overall=timedelta(hours=1),
        first_pause=0.5 * _SECONDS,
        longest_pause=10 * _SECONDS,
        heartbeat=15 * _SECONDS,
    ),
    # Evidence is written or said loudly to be missing; a full disk may take a person a day.
    "seal": Patience(
        attempt=30 * _SECONDS,
        overall=timedelta(days=1),
        first_pause=0.5 * _SECONDS,
        longest_pause=60 * _SECONDS,
    ),
}

#: A plan is first tried in the worker that has the workflow, within one of its tasks (10 s by default): what
#: takes longer than this is planned by an ordinary activity, with the patience of "plan".
AT_ONCE = 2 * _SECONDS

#: When the held containment is looked at again, counted from the moment it was contained;
#: after the last of these, again every REST until the hold is over.
WATCHES: tuple[timedelta, ...] = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(hours=1),
)
REST = timedelta(hours=6)

#: A parked response is woken by the thaw. In case a wake is lost with the kill switch, it asks for one again
#: after PARK, then after ever longer times, each stretched by chance so that no two ask together.
PARK = timedelta(minutes=10)
LONGEST_PARK = timedelta(hours=2)
#: How many responses a second take up their work after one thaw.
WAKES_A_SECOND = 25
