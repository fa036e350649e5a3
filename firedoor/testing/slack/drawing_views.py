"""Dialogs as HTML, and what was typed into one as the state that Slack sends."""

from __future__ import annotations

from typing import Any

from firedoor.testing.slack.drawing import Drawing
from firedoor.testing.slack.elements import elements_of
from firedoor.testing.slack.markup import literal
from firedoor.testing.slack.messages import OpenView

Json = dict[str, Any]


def draw_view(drawing: Drawing, view: Json, stands: OpenView) -> str:
    """Draw a dialog."""
    blocks = "".join(
        _input(drawing, block, stands.errors) if block["type"] == "input" else drawing.block(block)
        for block in view["blocks"]
    )
    submit = ""
    if "submit" in view:
        says = drawing.text(view["submit"])
        submit = f'<button type="submit" class="button primary" data-testid="modal-submit">{says}</button>'
    close = drawing.text(view["close"]) if "close" in view else "Cancel"
    return (
        f'<form class="modal" data-testid="modal" data-view-id="{literal(stands.id)}" role="dialog" '
        f'aria-modal="true"><h2 data-testid="modal-title">{drawing.text(view["title"])}</h2>'
        f'<div class="blocks">{blocks}</div><footer>'
        f'<button type="button" class="button" data-testid="modal-close">{close}</button>'
        f"{submit}</footer></form>"
    )


def _input(drawing: Drawing, block: Json, errors: dict[str, str]) -> str:
    error = errors.get(block["block_id"])
    needed = not block.get("optional")
    hint = f'<small class="hint">{drawing.text(block["hint"])}</small>' if "hint" in block else ""
    told = f'<p class="error" data-testid="error" role="alert">{literal(error)}</p>' if error else ""
    label = drawing.text(block["label"]) + ("" if needed else " <small>(optional)</small>")
    field = _field(drawing, block["block_id"], block["element"], needed=needed)
    return f'<div class="input" data-testid="input"><label>{label}</label>{field}{hint}{told}</div>'


def _field(drawing: Drawing, block_id: str, element: Json, *, needed: bool) -> str:
    kind, where = element["type"], _where(block_id, element["action_id"])
    if kind == "plain_text_input":
        return _typed(element, where, needed=needed)
    required = " required" if needed else ""
    chosen = [
        each["value"] for each in [*element.get("initial_options", []), element.get("initial_option")] if each
    ]
    if kind == "static_select":
        options = "".join(
            f'<option value="{literal(each["value"])}"{" selected" if each["value"] in chosen else ""}>'
            f"{drawing.text(each['text'])}</option>"
            for each in element["options"]
        )
        return f'<select {where}{required}><option value="">Choose an option</option>{options}</select>'
    shape = "radio" if kind == "radio_buttons" else "checkbox"
    required = required if shape == "radio" else ""  # a browser would ask for every one of the boxes
    return "".join(
        f'<label class="choice"><input type="{shape}" name="{literal(block_id)}" {where} '
        f'value="{literal(each["value"])}"{" checked" if each["value"] in chosen else ""}{required}>'
        f"{drawing.text(each['text'])}</label>"
        for each in element["options"]
    )


def _typed(element: Json, where: str, *, needed: bool) -> str:
    shortest, longest = element.get("min_length", 0), element.get("max_length", 3000)
    limits = f'minlength="{int(shortest)}" maxlength="{int(longest)}"{" required" if needed else ""}'
    start = literal(element.get("initial_value") or "")
    hint = literal(element.get("placeholder", {}).get("text", ""))
    if element.get("multiline"):
        return f'<textarea rows="4" {where} {limits} placeholder="{hint}">{start}</textarea>'
    return f'<input type="text" {where} {limits} placeholder="{hint}" value="{start}">'


def _where(block_id: str, action_id: str) -> str:
    return f'data-block="{literal(block_id)}" data-action="{literal(action_id)}" data-testid="field"'


def typed(view: Json, values: Any) -> Json:
    """Return {block: {action: [values]}} from the page as the state of the dialog's inputs."""
    made: Json = {}
    for block in view["blocks"]:
        for element in elements_of(block) if block["type"] == "input" else []:
            given = values.get(block["block_id"], {}).get(element["action_id"], [])
            made[block["block_id"]] = {element["action_id"]: _state(element, [str(each) for each in given])}
    return made


def _state(element: Json, given: list[str]) -> Json:
    kind = element["type"]
    if kind == "plain_text_input":
        return {"type": kind, "value": next((each for each in given if each), None)}
    chosen = [option for option in element["options"] if option["value"] in given]
    if kind == "checkboxes":
        return {"type": kind, "selected_options": chosen}
    return {"type": kind, "selected_option": chosen[0] if chosen else None}
