"""The request that would be sent for one member now; nothing is sent, and no vendor is asked."""

from usher.domain.identifier import normalise
from usher.domain.job import Job
from usher.errors import InvalidInput, NotFound, RemoteRefused
from usher.jobs.desk import Desk
from usher.mapp.client import PreparedRequest
from usher.redact import mask_member
from usher.store import jobs
from usher.store.database import Txn
from usher.store.members import MemberRow, member_row


async def member_request(desk: Desk, job_id: str, member: str, *, may_see_people: bool) -> PreparedRequest | None:
    """
    Return what would be sent for *member* now, the token masked.

    None for somebody whom the job has never seen, and where the authorization cannot be used.

    Args:
        may_see_people: whether the member is named in full.

    Raises:
        NotFound: there is no such job.
    """

    def work(txn: Txn) -> tuple[Job, MemberRow | None]:
        job = jobs.job_by_id(txn, job_id)
        named = normalise(member, lowercase=job.config.is_lowercasing)
        return job, None if named is None else member_row(txn, job.key, named)

    job, row = await desk.database.read(work)
    if row is None:
        return None
    shown = row.member if may_see_people else mask_member(row.member)
    try:
        client = await desk.vendors.mapp(job.mapp_auth)
        return client.preview(job.target, shown, is_in=row.is_in)
    except (NotFound, RemoteRefused, InvalidInput):
        return None
