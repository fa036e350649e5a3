"""What Slack refuses in the parts of a block: texts, buttons, menus and inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Found = list[str]

_STYLES = ("primary", "danger")
_TYPED = 3000
_OPTION_VALUE = 150
_OPTION = {"text", "value", "description", "url"}
_SHARED = {"type", "action_id", "confirm", "focus_on_load"}
_KEYS = {
    "button": {"type", "action_id", "text", "value", "url", "style", "confirm", "accessibility_label"},
    "overflow": {"type", "action_id", "options", "confirm"},
    "static_select": _SHARED | {"placeholder", "options", "initial_option"},
    "radio_buttons": _SHARED | {"options", "initial_option"},
    "checkboxes": _SHARED | {"options", "initial_options"},
    "plain_text_input": _SHARED - {"confirm"}
    | {"initial_value", "multiline", "min_length", "max_length", "placeholder", "dispatch_action_config"},
    "image": {"type", "image_url", "alt_text"},
}
#: The fewest and most options that a menu may offer.
_OPTIONS = {"overflow": (1, 5), "static_select": (1, 100), "radio_buttons": (1, 10), "checkboxes": (1, 10)}


def complaint(says: str, at: str) -> str:
    """Write a complaint as Slack writes it."""
    return f"[ERROR] {says} [json-pointer:{at}]"


def elements_of(block: Json) -> list[Json]:
    """List the elements of a block that somebody can use."""
    kind = block.get("type")
    if kind == "actions":
        return [each for each in block.get("elements", []) if isinstance(each, dict)]
    inner = block.get("accessory") if kind == "section" else block.get("element") if kind == "input" else None
    return [inner] if isinstance(inner, dict) and inner.get("type") != "image" else []


def units(text: str) -> int:
    """Count as Slack counts: UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def refuse_text(text: Any, at: str, most: int, *, plain_only: bool = False) -> Found:
    """Complain about a text object."""
    whole = isinstance(text, dict) and isinstance(text.get("text"), str)
    if not whole or set(text) - {"type", "text", "emoji", "verbatim"}:
        return [complaint("must provide an object with `type` and `text`", at)]
    kinds = {"plain_text"} if plain_only else {"plain_text", "mrkdwn"}
    if text.get("type") not in kinds:
        return [complaint(f"unsupported type: {text.get('type')}", f"{at}/type")]
    if not units(text["text"]):
        return [complaint("must be more than 0 characters", f"{at}/text")]
    if units(text["text"]) > most:
        return [complaint(f"must be less than {most + 1} characters", f"{at}/text")]
    return []


def refuse_element(element: Any, at: str, kinds: set[str]) -> Found:
    """Complain about an element that has to be one of some kinds."""
    kind = element.get("type") if isinstance(element, dict) else None
    if kind not in kinds:
        return [complaint(f"unsupported type: {kind}", f"{at}/type")]
    unknown = set(element) - _KEYS[kind]
    if unknown:
        return [complaint(f"no such field: {', '.join(sorted(unknown))}", at)]
    found = _CHECKS[kind](element, at)
    if "confirm" in element:
        found += _confirm(element["confirm"], f"{at}/confirm")
    return found


def _button(button: Json, at: str) -> Found:
    found = refuse_text(button.get("text"), f"{at}/text", 75, plain_only=True)
    found += [
        complaint(f"must be less than {most + 1} characters", f"{at}/{key}")
        for key, most in (("value", 2000), ("url", 3000), ("accessibility_label", 75))
        if units(button.get(key, "")) > most
    ]
    if button.get("style", "primary") not in _STYLES:
        found.append(complaint("must be a valid enum value", f"{at}/style"))
    return found


def _confirm(confirm: Json, at: str) -> Found:
    found: Found = []
    for key, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        found += refuse_text(confirm.get(key), f"{at}/{key}", most, plain_only=key != "text")
    if confirm.get("style", "primary") not in _STYLES:
        found.append(complaint("must be a valid enum value", f"{at}/style"))
    return found


def _menu(menu: Json, at: str) -> Found:
    fewest, most = _OPTIONS[menu["type"]]
    options = menu.get("options", [])
    if not isinstance(options, list) or len(options) < fewest:
        return [complaint(f"must be more than {fewest - 1} items", f"{at}/options")]
    if len(options) > most:
        return [complaint(f"no more than {most} items allowed", f"{at}/options")]
    found: Found = []
    for number, option in enumerate(options):
        found += _option(option, f"{at}/options/{number}", plain_only=menu["type"] == "overflow")
    if "placeholder" in menu:
        found += refuse_text(menu["placeholder"], f"{at}/placeholder", 150, plain_only=True)
    first = menu.get("initial_option")
    if any(each not in options for each in [*menu.get("initial_options", []), *([first] if first else [])]):
        found.append(complaint("must match one of the options", f"{at}/initial_option"))
    return found


def _option(option: Any, at: str, *, plain_only: bool) -> Found:
    if not isinstance(option, dict) or set(option) - _OPTION:
        return [complaint("must provide an object with `text` and `value`", at)]
    found = refuse_text(option.get("text"), f"{at}/text", 75, plain_only=plain_only)
    if not 0 < units(option.get("value", "")) <= _OPTION_VALUE:
        found.append(complaint(f"must be 1 to {_OPTION_VALUE} characters", f"{at}/value"))
    if "description" in option:
        found += refuse_text(option["description"], f"{at}/description", 75)
    return found


def _typed(element: Json, at: str) -> Found:
    shortest, longest = element.get("min_length", 0), element.get("max_length", _TYPED)
    if not 0 <= shortest <= longest <= _TYPED or longest < 1:
        return [complaint(f"min_length and max_length must be 0 to {_TYPED}, in order", at)]
    return []


def _image(image: Json, at: str) -> Found:
    missing = [key for key in ("image_url", "alt_text") if not image.get(key)]
    return [complaint(f"missing required field: {key}", at) for key in missing]


_CHECKS: dict[str, Callable[[Json, str], Found]] = {
    "button": _button,
    "overflow": _menu,
    "static_select": _menu,
    "radio_buttons": _menu,
    "checkboxes": _menu,
    "plain_text_input": _typed,
    "image": _image,
}
