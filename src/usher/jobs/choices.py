"""What somebody who puts a job together may choose from, as the vendors say it; what they do not say is None."""

from dataclasses import dataclass, field
from typing import Any

from usher.domain.identifier import members_of
from usher.errors import RemoteError
from usher.jobs.asking_lytics import audience_problem, sample_of
from usher.jobs.desk import Desk
from usher.lytics.audiences import Audience, Field
from usher.lytics.client import LyticsClient
from usher.redact import mask_member

MOST_SAMPLED = 50  # fields; all of them are asked for in one request


@dataclass(frozen=True, slots=True)
class AudienceChoice:
    """
    One audience.

    Args:
        size: how many people Lytics counts in it.
        problem: why it cannot be exported, with the mend; "" where it can.
        searchable: name, slug and id, in the form in which a search compares letters.
    """

    id: str
    slug: str
    name: str
    size: int | None
    problem: str
    searchable: str


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """
    One field of people's profiles.

    Args:
        type: in Lytics' words.
        is_identifier: Lytics joins profiles by it, so its values name one person each.
        filled: of how many of those looked at it names anybody; None where nobody was looked at.
        sample: the first value that names somebody, masked for those who may not see people.
        is_redacted: half of its values look masked by Lytics, so nobody would be found in Mapp.
    """

    name: str
    type: str
    description: str
    is_identifier: bool
    is_pii: bool
    filled: int | None = None
    sample: str | None = field(default=None, repr=False)
    is_redacted: bool | None = None


@dataclass(frozen=True, slots=True)
class FieldsOffered:
    """
    The fields, identity fields first, then by name.

    Args:
        looked_at: at how many people of the audience; None where none were.
        unread: why nobody was looked at although an audience was named, in Lytics' words.
    """

    fields: list[FieldChoice]
    looked_at: int | None
    unread: str


@dataclass(frozen=True, slots=True)
class GroupChoice:
    """One group of a Mapp account."""

    id: str
    name: str


async def audiences(desk: Desk, lytics_auth: str) -> list[AudienceChoice]:
    """
    Return every audience that Lytics shows, invalid ones too, by name.

    Raises:
        NotFound: there is no Lytics authorization by that id.
        RemoteError: as Lytics answered; its name says what to do.
    """
    found = await (await desk.vendors.lytics(lytics_auth)).audiences()
    return sorted(map(_audience, found), key=lambda one: (one.name.casefold(), one.id))


async def identifier_fields(
    desk: Desk, lytics_auth: str, audience: str | None = None, *, may_see_people: bool = False
) -> FieldsOffered:
    """
    Return the fields of people's profiles, and how well they name the first people of an audience.

    That these people cannot be read fails nothing; *unread* says so.

    Args:
        audience: its id or slug; None looks at nobody.
        may_see_people: whether samples are shown in full.

    Raises:
        NotFound: there is no Lytics authorization by that id.
        RemoteError: as Lytics answered when it was asked for the fields; its name says what to do.
    """
    client = await desk.vendors.lytics(lytics_auth)
    fields = sorted(await client.fields(), key=lambda one: (not one.is_identifier, one.name.casefold(), one.name))
    if audience is None:
        return FieldsOffered([_field(one) for one in fields], None, "")
    try:
        people = await _people(client, audience, fields)
    except RemoteError as error:
        return FieldsOffered([_field(one) for one in fields], None, error.message)
    sampled = {one.name for one in _sampled(fields)}
    offered = [
        _looked_at(one, people, may_see_people=may_see_people) if one.name in sampled else _field(one) for one in fields
    ]
    return FieldsOffered(offered, len(people), "")


async def groups(desk: Desk, mapp_auth: str) -> list[GroupChoice]:
    """
    Return Mapp's groups by name; the list may be incomplete.

    Raises:
        NotFound: there is no Mapp authorization by that id.
        RemoteError: as Mapp answered; RemoteMissing and RemoteRejected mean that it shows no list.
    """
    found = await (await desk.vendors.mapp(mapp_auth)).groups()
    named = [GroupChoice(group_id, name) for group_id, name in found.items()]
    return sorted(named, key=lambda one: (one.name.casefold(), one.id))


def _audience(audience: Audience) -> AudienceChoice:
    return AudienceChoice(
        id=audience.id,
        slug=audience.slug,
        name=audience.name,
        size=audience.size,
        problem=" ".join(audience_problem(audience) or ()),
        searchable=f"{audience.name} {audience.slug} {audience.id}".casefold(),
    )


def _sampled(fields: list[Field]) -> list[Field]:
    """A name with a comma would be read as two."""
    return [one for one in fields if "," not in one.name][:MOST_SAMPLED]


async def _people(client: LyticsClient, audience: str, fields: list[Field]) -> list[dict[str, Any]]:
    return await client.profile_sample(audience, fields=[one.name for one in _sampled(fields)])


def _field(one: Field) -> FieldChoice:
    return FieldChoice(one.name, one.type, one.description, one.is_identifier, one.is_pii)


def _looked_at(one: Field, people: list[dict[str, Any]], *, may_see_people: bool) -> FieldChoice:
    values = [profile.get(one.name) for profile in people]
    seen = sample_of(values, page_seconds=0.0)
    first = next((member for value in values for member in members_of(value)), None)
    return FieldChoice(
        name=one.name,
        type=one.type,
        description=one.description,
        is_identifier=one.is_identifier,
        is_pii=one.is_pii,
        filled=seen.profiles - seen.without,
        sample=first if first is None or may_see_people else mask_member(first),
        is_redacted=seen.is_redacted if seen.members else None,
    )
