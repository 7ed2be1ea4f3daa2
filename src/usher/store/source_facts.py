"""What Usher last knew of a job's source, so that it sees what changed while nobody looked, even while it was down."""

from dataclasses import dataclass

import msgspec
from sqlalchemy import delete, select, text

from usher.domain.job import LIVE
from usher.store.database import Txn
from usher.store.gaps import PREFIX as GAP
from usher.store.tables import facts, jobs

PREFIX, ALIVE = "source:", "receiver_alive_ms"


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """
    What was known at the last look.

    Args:
        definition: what the audience's definition hashed to; blank where Lytics never said.
        stalled_ms: since when the webhook in Lytics has not been at work; None while it is.
        ended: the webhook in Lytics whose end was told, though no new one could be made; *ended_ms*: when.
        vouched_ms: until when a comparison showed that silence missed nobody.
        received, unnamed: triggers counted up to the last judgement about identifiers, and those without one.
        is_unnamed: by that judgement, triggers had ceased to carry the identifier.
        is_overruled: a person restarted the job after such a judgement; the next one of that kind is usual then.
        usual: the share (0..1) of triggers without one that a person thought usual.
    """

    definition: str = ""
    stalled_ms: int | None = None
    ended: str = ""
    ended_ms: int = 0
    vouched_ms: int | None = None
    received: int = 0
    unnamed: int = 0
    is_unnamed: bool = False
    is_overruled: bool = False
    usual: float = 0.0


def source_facts(txn: Txn, job: int) -> SourceFacts | None:
    """Return what is known of the source of *job*, or None where nobody has looked yet."""
    value: str | None = txn.conn.execute(select(facts.c.value).where(facts.c.name == f"{PREFIX}{job}")).scalar()
    return None if value is None else msgspec.json.decode(value, type=SourceFacts)


def keep_source_facts(txn: Txn, job: int, known: SourceFacts) -> None:
    txn.conn.execute(SET, {"name": f"{PREFIX}{job}", "value": msgspec.json.encode(known).decode()})


def beat(txn: Txn) -> int | None:
    """Write down that triggers can be taken in now; return when that was written last, in ms, or None."""
    before: str | None = txn.conn.execute(select(facts.c.value).where(facts.c.name == ALIVE)).scalar()
    txn.conn.execute(SET, {"name": ALIVE, "value": str(txn.now_ms)})
    return None if before is None else int(before)


SET = text(
    "INSERT INTO facts (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


def forget_ended(txn: Txn) -> None:
    """Drop what is known of the sources of jobs that have ended for good."""
    alive = set(txn.conn.execute(select(jobs.c.key).where(jobs.c.status.in_(sorted(LIVE)))).scalars())
    kept = txn.conn.execute(select(facts.c.name).where(facts.c.name.like(f"{PREFIX}%") | facts.c.name.like(f"{GAP}%")))
    gone = [name for name in kept.scalars() if int(name.partition(":")[2]) not in alive]
    if gone:
        txn.conn.execute(delete(facts).where(facts.c.name.in_(gone)))
