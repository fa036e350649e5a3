"""The models of an action, read from the signature of `apply` as the registry does."""

from __future__ import annotations

from typing import get_type_hints

from firedoor.domain.action.action import Action, Before, Params


def models_of(action: type[Action]) -> tuple[type[Params], type[Before]]:
    """Return the models of an action's parameters and of what it captures."""
    hints = get_type_hints(action.apply)
    params, before = hints["params"], hints["before"]
    if not (isinstance(params, type) and issubclass(params, Params)):
        raise TypeError(f"{action.__name__}.apply takes params of type {params}, expected a Params model")
    if not (isinstance(before, type) and issubclass(before, Before)):
        raise TypeError(f"{action.__name__}.apply takes before of type {before}, expected a Before model")
    return params, before
