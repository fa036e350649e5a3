"""Which gateways a worker knows: whatever names another one as its own is refused before it acts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.error_translation import translated
from firedoor.domain.approval.words import PublicKey, strangers
from firedoor.domain.core.errors import Rejected
from firedoor.domain.response.contract import CONFIRM, KEYS, PLAN
from firedoor.domain.response.messages import ConfirmOrder, GatewayKeys, PlanOrder, StepOrder


class Gateways(Interceptor):
    """Knows the public keys of our gateways, from the worker's own configuration and from nothing else."""

    def __init__(self, keys: Sequence[PublicKey]) -> None:
        self.keys = tuple(keys)

    @activity.defn(name=KEYS)
    async def known(self, response: str) -> GatewayKeys:
        """Tell a response which gateways are ours now."""
        del response
        return GatewayKeys(keys=self.keys)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Stand before every activity of this worker."""
        return _Before(next, self)

    def refuse(self, keys: Sequence[PublicKey]) -> None:
        """Refuse to plan or act for a response that names a key that is none of our gateways'."""
        unknown = strangers(keys, self.keys)
        if unknown:
            raise Rejected(
                f"in this response gateway key {', '.join(unknown)} speaks for people; it is none of ours",
                expected="keys that stand under gateway.keys in this worker's firedoor.yaml",
                mend="if a gateway of yours has a new key, add it there and start the workers again; "
                "if not, somebody else reaches Temporal",
            )


class _Before(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, gateways: Gateways) -> None:  # noqa: A002
        super().__init__(next)
        self._gateways = gateways

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        """Look at whose words a plan, a change or a confirmation rests on; undo and looking stay possible."""
        keys = _keys(activity.info().activity_type, input.args)
        if keys:
            with translated():
                self._gateways.refuse(keys)
        return await super().execute_activity(input)


def _keys(name: str, args: Sequence[Any]) -> tuple[PublicKey, ...]:
    order = args[0] if args else None
    if name == PLAN and isinstance(order, PlanOrder):
        return order.incident.gateway_keys
    if name == CONFIRM and isinstance(order, ConfirmOrder):
        return order.gateway_keys
    if name.endswith(".apply") and isinstance(order, StepOrder):
        return order.gateway_keys
    return ()
