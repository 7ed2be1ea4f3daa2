"""What admins can look at: messages that made no sense, and who did what."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import text

from tests.web.service import Running
from usher.domain.notes import Unreadable
from usher.jobs.records import UNREADABLE_PAGE
from usher.store import notes


async def pages(usher: Running, path: str) -> list[list[dict[str, Any]]]:
    answer = await usher.ask("GET", path)
    found = [answer.data]
    while "next" in answer.body["_meta"]:
        answer = await usher.ask("GET", f"{path}?cursor={answer.body['_meta']['next']}")
        found.append(answer.data)
    return found


def numbered(kept: list[list[dict[str, Any]]]) -> Iterator[int]:
    return (int(entry["id"]) for page in kept for entry in page)


async def test_a_message_that_made_no_sense_can_be_looked_at(usher: Running) -> None:
    job = await usher.create_job()
    await usher.trigger(b"no JSON \xff")
    event = usher.event("jo@example.com")
    event["data"]["segment_events"][0]["event"] = "teleport"
    await usher.trigger(event)

    of_job, whole = (await usher.ask("GET", "/v2/unreadable")).data

    assert (whole["reason"], whole["job_id"], whole["body"], whole["size"]) == ("not_json", None, "no JSON \ufffd", 9)
    assert (of_job["reason"], of_job["job_id"]) == ("unknown_kind", job["id"])
    assert "jo@example.com" in of_job["body"]
    assert (await usher.ask("GET", f"/v2/unreadable/{whole['id']}")).data == whole


async def test_whoever_looks_at_messages_is_written_down(usher: Running) -> None:
    await usher.trigger(b"nonsense")
    (odd,) = (await usher.ask("GET", "/v2/unreadable")).data
    await usher.ask("GET", f"/v2/unreadable/{odd['id']}")

    one, every = (await usher.ask("GET", "/v2/audit")).data[:2]

    assert (one["actor"], one["action"], one["object"]) == ("admin", "unreadable.read", odd["id"])
    assert (every["actor"], every["action"], every["object"]) == ("admin", "unreadable.read", "unreadable")


async def test_messages_and_the_audit_trail_are_paged_newest_first(usher: Running) -> None:
    odd = Unreadable("lytics1", "not_json", b"", 0)
    await usher.deps.desk.database.write(lambda txn: notes.add_unreadable(txn, [odd] * (2 * UNREADABLE_PAGE + 1)))

    def act(txn: Any) -> None:
        for number in range(450):
            notes.add_audit(txn, actor="anna", action="job.pause", what=str(number))

    await usher.deps.desk.database.write(act)

    kept = await pages(usher, "/v2/unreadable")
    assert [len(page) for page in kept] == [UNREADABLE_PAGE, UNREADABLE_PAGE, 1]
    assert list(numbered(kept)) == sorted(numbered(kept), reverse=True)
    acts = await pages(usher, "/v2/audit")
    assert len(set(numbered(acts))) == len(list(numbered(acts))) >= 450
    assert list(numbered(acts)) == sorted(numbered(acts), reverse=True)


async def test_a_message_whose_key_is_gone_is_listed_without_its_body(usher: Running) -> None:
    await usher.trigger(b"nonsense")
    spoil = text("UPDATE unreadable SET body_sealed = :other")
    await usher.deps.desk.database.write(lambda txn: txn.conn.execute(spoil, {"other": b"1.gone.AAAA"}).rowcount)

    (odd,) = (await usher.ask("GET", "/v2/unreadable")).data

    assert (odd["reason"], odd["body"]) == ("not_json", None)
