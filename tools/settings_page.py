"""The environment variables, from usher.settings."""

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from tools.markdown import code, page, table
from usher.settings import PREFIX, Settings, settings_from

BOUNDS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))


def settings_page() -> str:
    rows = [
        (code(PREFIX + name.upper()), code(_shown(field.default)), _range(field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return page(
        "Settings",
        "Usher reads these variables when it starts.\n"
        "An unset or blank one keeps its default; switches take `1` and `0`.\n"
        f"A variable that begins with `{PREFIX}` and is not listed here stops the start with exit code 2, "
        "so that a misspelt one is noticed.",
        table(("Variable", "Default", "Range", "Meaning"), rows),
        "## How long a claim holds",
        "Four of them add up: send room + request timeout + quarantine + clock margin, "
        f"{settings_from({}).timing.hold_ms / 1000:g} seconds by default.\n"
        "[Delivery](../explain/delivery.md) says what each part is for.",
    )


def _shown(default: object) -> object:
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, bool):
        return int(default)
    return "" if default is None else default


def _range(field: FieldInfo) -> str:
    found = {name: getattr(limit, name) for limit in field.metadata for name, _ in BOUNDS if hasattr(limit, name)}
    return ", ".join(f"{words} {found[name]:g}" for name, words in BOUNDS if name in found)
