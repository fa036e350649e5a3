"""Who must be asked before a step: the playbook's wish, raised to the policy's floor."""

from __future__ import annotations

from firedoor.domain.action.action import ActionSpec
from firedoor.domain.approval.policy import ApprovalRule, DataClass, Policy, at_least, floor
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.playbook.playbook import Playbook, Step


def rule_for(
    *,
    playbook: Playbook,
    step: Step,
    spec: ActionSpec,
    policy: Policy,
    environment: str | None,
    data: DataClass | None,
    cautious: bool,
) -> ApprovalRule | None:
    """Return the rule a step must satisfy, None where it may run by itself.

    Asked are: what cannot be undone, whatever the playbook says; everything in
    mode `ask`; what the policy's floor asks; what the playbook asks; and
    everything when there is cause for caution (a person undid this before, or
    there are more targets than expected). `data` is how sensitive what the target
    holds is, as the world says; None where it holds none. Silence is a yes only by
    the policy, for what can be taken back in full, without cause for caution.
    """
    kind = spec.reversibility.kind
    told = policy if kind == "full" and not cautious else _never_by_silence(policy)
    least = floor(told, kind, spec.risk, environment or "unknown", data)
    wish = step.approval
    wished = (
        told.default.but(
            from_=wish.from_,
            quorum=wish.quorum,
            within=wish.within,
            then=wish.then,
            to=wish.to,
            step_up=wish.step_up,
        )
        if wish is not None
        else None
    )
    if wished is not None or least is not None:
        return at_least(wished, least)
    return told.default if cautious or playbook.mode == "ask" else None


def raised(step: PlannedStep, *, policy: Policy, environment: str | None) -> PlannedStep:
    """Return a step whose world has moved, asked of no fewer people than the policy asks for it now."""
    kind = step.reversibility.kind
    told = policy if kind == "full" else _never_by_silence(policy)
    least = floor(told, kind, step.risk, environment or "unknown", step.data)
    return step.model_copy(update={"approval": at_least(step.approval, least)})


def _never_by_silence(policy: Policy) -> Policy:
    """Return a policy in which nobody's silence is a yes.

    Each of its rules by itself, before they are combined: a rule that would have gone on at
    silence then counts as one for which silence is a no, and not as one that another may widen.
    """
    rules = tuple(
        rule.model_copy(update={"ask": rule.ask.never_by_silence()}) if rule.ask else rule
        for rule in policy.floor
    )
    return policy.model_copy(update={"default": policy.default.never_by_silence(), "floor": rules})
