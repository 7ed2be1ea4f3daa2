"""
The ledger's hot statements, in SQL that SQLite and PostgreSQL both run.

Rows are handed over as one JSON parameter, so that a statement stays the same whatever their number;
only the function that unfolds it differs, and the way a claim skips rows that others hold.
`was` keeps what a row counted as before the statement that changed it: counters are exact without a second read.
It also keeps whether the row was ever claimed, so that a first claim is known for one without asking the history.
"""

from dataclasses import dataclass

from sqlalchemy import TextClause, text

LANE_LIVE, LANE_BULK, LANE_HELD = 0, 1, 2  # held: triggered exits that wait for a person

WAS_ROW, WAS_IN, WAS_DUE, WAS_ASIDE, CLAIMED, CLAIMED_BEFORE = 1, 2, 4, 8, 16, 32
_WAS = f"""
    1 + 2 * ledger.is_in + CASE WHEN ledger.due_at IS NULL THEN 0 ELSE 4 END
      + CASE WHEN ledger.aside IS NULL THEN 0 ELSE 8 END + (ledger.was & {CLAIMED})"""
# Bare columns: SQLite 3.40 answers IS NULL wrongly in RETURNING (docs/decisions/0003).
_COUNTED = "member, is_in, was, due_at, aside"

_NEWS = """(ledger.is_in <> excluded.is_in OR (:tells_untold = 1
    AND ledger.accepted IS NULL AND ledger.due_at IS NULL AND ledger.aside IS NULL))"""

# rows: [member, is_in, version, lane]
_OBSERVE = f"""
INSERT INTO ledger (job, member, is_in, version, seq, due_at, lane, was)
SELECT :job, CAST(j.value ->> 0 AS TEXT), CAST(j.value ->> 1 AS SMALLINT), CAST(j.value ->> 2 AS BIGINT), 1,
    CAST(:owed_at AS BIGINT), CAST(j.value ->> 3 AS SMALLINT), 0
FROM {{rows}} WHERE true
ON CONFLICT (job, member) DO UPDATE SET
    was = {_WAS},
    version = excluded.version,
    is_in = excluded.is_in,
    seq = ledger.seq + CASE WHEN {_NEWS} THEN 1 ELSE 0 END,
    due_at = CASE WHEN {_NEWS} THEN COALESCE(ledger.due_at, :now) ELSE ledger.due_at END,
    lane = CASE WHEN NOT {_NEWS} THEN ledger.lane
        WHEN excluded.lane = 2 OR ledger.due_at IS NULL OR ledger.lane = 2 OR excluded.lane < ledger.lane
        THEN excluded.lane ELSE ledger.lane END,
    attempts = CASE WHEN {_NEWS} THEN 0 ELSE ledger.attempts END,
    aside = CASE WHEN {_NEWS} THEN NULL ELSE ledger.aside END,
    aside_at = CASE WHEN {_NEWS} THEN NULL ELSE ledger.aside_at END
WHERE excluded.version > ledger.version
RETURNING {_COUNTED}, seq
"""

# rows: [member, version] of exits. What only a scan had said is written down before an exit replaces it.
_KEEP_FOUND = """
INSERT INTO history (job, member, at_ms, kind, is_in, version)
SELECT ledger.job, ledger.member, ledger.version / 1000000, 'seen', 1, ledger.version
FROM {rows} CROSS JOIN ledger
WHERE ledger.job = :job AND ledger.member = CAST(j.value ->> 0 AS TEXT)
    AND ledger.is_in = 1 AND ledger.version < CAST(j.value ->> 1 AS BIGINT)
    AND NOT EXISTS (SELECT 1 FROM history WHERE history.job = ledger.job AND history.member = ledger.member
        AND history.version = ledger.version AND history.kind <> 'ignored')
"""

_PICK = """SELECT job, member FROM ledger
    WHERE job = :job AND lane = :lane AND due_at <= :now
    ORDER BY due_at LIMIT :limit"""
_CLAIM = f"""
UPDATE ledger SET due_at = :token,
    was = {CLAIMED} + CASE WHEN ledger.was < {CLAIMED} THEN 0 ELSE {CLAIMED_BEFORE} END
FROM {{pick}}
WHERE ledger.job = pick.job AND ledger.member = pick.member
RETURNING ledger.member, is_in, seq, attempts, version, lane, was, accepted, accepted_at
"""

# rows: [job, member, token, seq, ...]; only a row that still carries the claim's token is touched.
# "+ 0" keeps the index of due rows out of it: all rows of a claim carry one token, so by it n rows would read n * n.
_CLAIMED = """
FROM (SELECT CAST(j.value ->> 0 AS BIGINT) AS job, CAST(j.value ->> 1 AS TEXT) AS member,
        CAST(j.value ->> 2 AS BIGINT) AS token, CAST(j.value ->> 3 AS INTEGER) AS seq, {extra}
      FROM {rows}) AS s
WHERE ledger.job = s.job AND ledger.member = s.member AND ledger.due_at + 0 = s.token
RETURNING ledger.job, ledger.member, ledger.due_at
"""
_SETTLE_ACCEPTED = """
UPDATE ledger SET accepted = s.is_in, accepted_at = :now, attempts = 0,
    due_at = CASE WHEN ledger.seq = s.seq THEN NULL ELSE CAST(:now AS BIGINT) END
""" + _CLAIMED.replace("{extra}", "CAST(j.value ->> 4 AS SMALLINT) AS is_in")
_SETTLE_ASIDE = """
UPDATE ledger SET aside = CASE WHEN ledger.seq = s.seq THEN s.reason END,
    aside_at = CASE WHEN ledger.seq = s.seq THEN CAST(:now AS BIGINT) END,
    due_at = CASE WHEN ledger.seq = s.seq THEN NULL ELSE CAST(:now AS BIGINT) END
""" + _CLAIMED.replace("{extra}", "CAST(j.value ->> 4 AS TEXT) AS reason")
_SETTLE_LATER = """
UPDATE ledger SET due_at = :now + s.delay_ms,
    attempts = CASE WHEN ledger.attempts < 30000 THEN ledger.attempts + s.counts ELSE ledger.attempts END
""" + _CLAIMED.replace(
    "{extra}", "CAST(j.value ->> 4 AS BIGINT) AS delay_ms, CAST(j.value ->> 5 AS SMALLINT) AS counts"
)

_RANGE = (
    "ledger.job = :job AND ledger.member > :after"
    " AND (CAST(:upto AS TEXT) IS NULL OR ledger.member <= CAST(:upto AS TEXT))"
)

_OWE_AGAIN = f"""
UPDATE ledger SET was = {_WAS}, seq = seq + 1, due_at = COALESCE(due_at, :now),
    lane = CASE WHEN due_at IS NULL THEN 1 ELSE lane END,
    attempts = CASE WHEN due_at IS NULL THEN 0 ELSE attempts END, aside = NULL, aside_at = NULL
WHERE {_RANGE} AND {{which}}
RETURNING {_COUNTED}
"""
_LEAVE = f"""
UPDATE ledger SET was = {_WAS}, is_in = 0, version = :version, seq = seq + 1, due_at = COALESCE(due_at, :now),
    lane = CASE WHEN due_at IS NULL THEN 1 ELSE lane END,
    attempts = CASE WHEN due_at IS NULL THEN 0 ELSE attempts END, aside = NULL, aside_at = NULL
WHERE {_RANGE} AND is_in = 1 AND version < :version
RETURNING {_COUNTED}
"""


@dataclass(frozen=True, slots=True)
class Statements:
    """The hot statements as one database spells them."""

    observe: TextClause
    keep_found: TextClause
    claim: TextClause
    settle_accepted: TextClause
    settle_aside: TextClause
    settle_later: TextClause
    resend: TextClause
    resend_one: TextClause
    retry: TextClause
    leave: TextClause


def statements_for(dialect: str) -> Statements:
    """Return the statements in *dialect* ("sqlite" or "postgresql")."""
    is_postgres = dialect == "postgresql"
    rows = "jsonb_array_elements(CAST(:rows AS JSONB)) AS j(value)" if is_postgres else "json_each(:rows) AS j"
    # Materialized, so that PostgreSQL picks once: a plan that picked again would claim more than it was asked for.
    claim = f"WITH pick AS MATERIALIZED ({_PICK} FOR UPDATE SKIP LOCKED) {_CLAIM}" if is_postgres else _CLAIM
    pick = "pick" if is_postgres else f"({_PICK}) AS pick"

    def spelled(template: str, which: str = "") -> TextClause:
        return text(template.replace("{rows}", rows).replace("{pick}", pick).replace("{which}", which))

    told = "(due_at IS NOT NULL OR aside IS NOT NULL OR accepted IS NOT NULL)"
    return Statements(
        observe=spelled(_OBSERVE),
        keep_found=spelled(_KEEP_FOUND),
        claim=spelled(claim),
        settle_accepted=spelled(_SETTLE_ACCEPTED),
        settle_aside=spelled(_SETTLE_ASIDE),
        settle_later=spelled(_SETTLE_LATER),
        resend=spelled(_OWE_AGAIN, told),
        resend_one=spelled(_OWE_AGAIN.replace(_RANGE, "ledger.job = :job AND ledger.member = :member"), "true"),
        retry=spelled(_OWE_AGAIN, "aside IS NOT NULL"),
        leave=spelled(_LEAVE),
    )
