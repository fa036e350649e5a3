"""Who must be asked before a step: the playbook's wish, raised to the policy's floor."""

from __future__ import annotations

from firedoor.domain.action import ActionSpec
from firedoor.domain.playbook import Playbook, Step
from firedoor.domain.policy import ApprovalRule, Policy, at_least, floor


def rule_for(
    *,
    playbook: Playbook,
    step: Step,
    spec: ActionSpec,
    policy: Policy,
    environment: str | None,
    cautious: bool,
) -> ApprovalRule | None:
    """Return the rule a step must satisfy, None where it may run by itself.

    Asked are: what cannot be undone, whatever the playbook says; everything in
    mode `ask`; what the policy's floor asks; what the playbook asks; and
    everything when there is cause for caution (a person undid this before, or
    there are more targets than expected).
    """
    lowest = floor(policy, spec.reversibility.kind, spec.risk, environment or "unknown")
    wish = step.approval
    wished = (
        policy.default.but(
            from_=wish.from_, quorum=wish.quorum, within=wish.within, then=wish.then, to=wish.to
        )
        if wish is not None
        else None
    )
    if wished is not None or lowest is not None:
        return at_least(wished, lowest)
    return policy.default if cautious or playbook.mode == "ask" else None
