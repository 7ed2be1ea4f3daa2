"""What each setting of a job is called on every page, and how its value is written."""

from dataclasses import dataclass

from usher.domain.job import JobConfig
from usher.jobs.warnings import IDENTIFIER_WORDS

LABELS = {
    "name": "Label",
    "description": "Description",
    "auth_ids": "Authorizations",
    "segment_id": "Audience",
    "uid_field": "Identifier Field",
    "identifier_type": "Identifier type",
    "lowercase_identifiers": "Lower-case e-mail addresses",
    "group_id": "Group ID",
    "enable_dynamic_attributes": "Enable Dynamic Attributes",
    "dynamic_attribute_prefix": "Dynamic Attribute Prefix",
    "mapp_attribute_name": "Mapp Attribute Name",
    "withbackfill": "Existing Users",
    "backfill_only": "Backfill Only",
    "create_users": "Create contacts",
    "reconcile_hours": "Compare every (hours)",
    "exit_brake": "Ask before mass exits",
    "exit_brake_people": "Mass exits: people",
    "exit_brake_percent": "Mass exits: percent",
    "allow_unlisted_group": "Use a group that Mapp does not list",
}
IDENTIFIER_TYPES = tuple((str(kind), word) for kind, word in IDENTIFIER_WORDS.items())


@dataclass(frozen=True, slots=True)
class Setting:
    """
    One setting as a page lists it.

    Args:
        field: its key in the configuration.
        is_code: a machine reads the value.
    """

    field: str
    value: str
    is_code: bool = False

    @property
    def label(self) -> str:
        return LABELS[self.field]


def settings_of(config: JobConfig, *, audience_slug: str) -> list[Setting]:
    """
    Return every setting, in the order of Lytics' form; one without effect is left out.

    Args:
        audience_slug: blank where it is not known, and with it the attribute's usual name.
    """
    target = config.target(audience_slug=audience_slug)
    prefix = [Setting("dynamic_attribute_prefix", target.prefix, is_code=True)] if target.prefix is not None else []
    lower = _on(is_on=config.is_lowercasing) if config.identifier_type == "email" else ""
    unlisted = [Setting("allow_unlisted_group", "On")] if config.allow_unlisted_group else []
    return [
        Setting("segment_id", audience_slug or config.segment_id, is_code=True),
        Setting("uid_field", config.uid_field, is_code=True),
        Setting("identifier_type", IDENTIFIER_WORDS[config.identifier_type]),
        *([Setting("lowercase_identifiers", lower)] if lower else []),
        Setting("group_id", config.group_id, is_code=True),
        *unlisted,
        Setting("enable_dynamic_attributes", _on(is_on=config.enable_dynamic_attributes)),
        *prefix,
        Setting("mapp_attribute_name", target.attribute_name or "not known yet", is_code=bool(target.attribute_name)),
        Setting("withbackfill", _on(is_on=config.withbackfill)),
        Setting("backfill_only", _on(is_on=config.backfill_only)),
        Setting("create_users", _on(is_on=config.create_users)),
        Setting("reconcile_hours", f"{config.reconcile_hours:g}" if config.reconcile_hours else "Off"),
        Setting("exit_brake", _brake(config)),
    ]


def _brake(config: JobConfig) -> str:
    if not config.exit_brake:
        return "Off"
    return f"Above {config.exit_brake_people:,} people and {config.exit_brake_percent:g} %"


def _on(*, is_on: bool) -> str:
    return "On" if is_on else "Off"
