"""Clearance: the kill switch, one workflow that every hand asks before it touches the world."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import FailureError

from firedoor.domain.clearance import FreezeOrder, Freezes, ThawOrder, frozen, thaw_objection, thawed
from firedoor.domain.contract import CLEARANCE, FREEZE, FREEZES, FROZEN, THAW, desk_id
from workflows.calling import refuse


@workflow.defn(name=CLEARANCE)
class Clearance:
    """Holds what is frozen, for ever; a long history is left behind by continuing as new."""

    @workflow.init
    def __init__(self, freezes: Freezes) -> None:
        """Have all state before the first message arrives."""
        self.now = freezes

    @workflow.run
    async def run(self, freezes: Freezes) -> None:
        """Wait for messages."""
        del freezes  # it came to __init__
        await workflow.wait_condition(lambda: workflow.info().is_continue_as_new_suggested())
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self.now)

    @workflow.update(name=FREEZE)
    async def freeze(self, order: FreezeOrder) -> Freezes:
        """Throw the switch, and have it shown on every open card."""
        self.now = frozen(self.now, order)
        workflow.logger.warning("frozen by %s over %s", order.person, order.door)
        await self._tell(order.desk)
        return self.now

    @workflow.update(name=THAW)
    async def thaw(self, order: ThawOrder) -> Freezes:
        """Release the switch."""
        self.now = thawed(self.now, order)
        workflow.logger.warning("thawed by %s over %s", order.person, order.door)
        await self._tell(order.desk)
        return self.now

    @thaw.validator
    def _check_thaw(self, order: ThawOrder) -> None:
        refuse(thaw_objection(self.now, order))

    @workflow.query(name=FREEZES)
    def freezes(self) -> Freezes:
        """Tell what is frozen now."""
        return self.now

    async def _tell(self, desk: str | None) -> None:
        if desk is None:
            return
        try:
            await workflow.get_external_workflow_handle(desk_id(desk)).signal(FROZEN, self.now.says())
        except FailureError:
            workflow.logger.info("there is no desk to tell; the first card will say it")
