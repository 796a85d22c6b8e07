"""Queues of open reviews: mine, unassigned, all; by deadline, paged by key; and how much there is to do.

What an expert gets here says nothing of other opinions of the same execution: of an execution that one of the asker's
own reviews is about, only that one is listed, and an opinion that the asker may not give is not offered.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from saiweb.queries import scopes
from saiweb.records import Scope
from saiweb.review_records import Asker, Counts, Key, QueueItem, Which

CAP: Final = 1000  # what is counted no further: "1000+"

_ITEM: LiteralString = """
    r.id, r.execution_id, c.execution_timestamp, c.detected_at, c.device_id, c.camera_id, c.location, r.status::text,
    r.priority, r.deadline, r.is_second_opinion, r.opinion > 2 AS is_decision, r.is_blind_to_ai,
    CASE WHEN r.is_blind_to_ai AND NOT %(is_admin)s AND d.content ->> 'risk_level' IS NULL THEN NULL
         ELSE c.risk_level::text END AS risk_level,
    r.expert_id AS owner_id, u.full_name AS owner_name, r.parked_at,
    CASE WHEN %(is_admin)s OR r.expert_id = %(asker)s THEN r.parked_note END AS parked_note,
    CASE WHEN %(is_admin)s OR r.expert_id = %(asker)s THEN r.escalation_note END AS escalation_note,
    d.review_id IS NOT NULL AS has_draft
"""
_DETAILS: LiteralString = """
    JOIN review_cases c ON c.execution_id = r.execution_id
    LEFT JOIN users u ON u.id = r.expert_id
    LEFT JOIN review_drafts d ON d.review_id = r.id AND d.expert_id = %(asker)s
"""
# For an expert: not another opinion of what is, or was, one's own. In parentheses as a value, so that it is asked of
# each row in the order of deadlines, until the page is full, and never of all there are.
_NOT_INVOLVED: LiteralString = """
    NOT (SELECT EXISTS (SELECT FROM expert_reviews o
                        WHERE o.execution_id = r.execution_id AND o.id <> r.id
                          AND (o.expert_id = %(asker)s
                               OR (o.revision > 0 AND EXISTS (SELECT FROM review_assessments s
                                                              WHERE s.review_id = o.id AND s.expert_id = %(asker)s)))))
"""


def page(
    conn: psycopg.Connection[Any], asker: Asker, which: Which, *, after: Key | None = None, limit: int = 50
) -> tuple[list[QueueItem], Key | None]:
    """Return one page of a queue, the earliest deadline first, and where the next one begins; None: that is all."""
    statement: LiteralString = f"""
        WITH r AS MATERIALIZED ({_first(asker, which)})
        SELECT {_ITEM} FROM r {_DETAILS}
        ORDER BY r.deadline, r.id
    """
    with conn.cursor(row_factory=class_row(QueueItem)) as cursor:
        found = cursor.execute(
            statement,
            {
                **_parameters(asker),
                "after_deadline": after.deadline if after else None,
                "after_id": after.id if after else None,
                "limit": limit + 1,
            },
        ).fetchall()
    if len(found) <= limit:
        return found, None
    return found[:limit], Key(found[limit - 1].deadline, found[limit - 1].id)


def item(conn: psycopg.Connection[Any], asker: Asker, review_id: UUID) -> QueueItem | None:
    """Return one review as a line, finished or not; None where the asker may not see it."""
    statement: LiteralString = f"""
        SELECT {_ITEM} FROM expert_reviews r {_DETAILS}
        WHERE r.id = %(review_id)s AND (r.expert_id = %(asker)s OR {_others(asker)})
          AND (r.status <> 'completed' OR r.expert_id = %(asker)s OR %(is_admin)s)
    """
    with conn.cursor(row_factory=class_row(QueueItem)) as cursor:
        return cursor.execute(statement, {**_parameters(asker), "review_id": review_id}).fetchone()


def following(conn: psycopg.Connection[Any], asker: Asker, *, but: UUID | None = None) -> UUID | None:
    """Return the next review of one's own to do: not parked, the earliest deadline first."""
    row = conn.execute(
        """
        SELECT id FROM expert_reviews
        WHERE expert_id = %(asker)s AND status <> 'completed' AND parked_at IS NULL
          AND id IS DISTINCT FROM %(but)s::uuid
        ORDER BY deadline, id
        LIMIT 1
        """,
        {"asker": asker.user_id, "but": but},
    ).fetchone()
    return row[0] if row else None


def counts(conn: psycopg.Connection[Any], asker: Asker, now: datetime) -> Counts:
    """Count what there is to do, of each queue the CAP earliest deadlines."""
    statement: LiteralString = f"""
        WITH mine AS MATERIALIZED ({_first(asker, "mine")}),
             unassigned AS MATERIALIZED ({_first(asker, "unassigned")}),
             everything AS MATERIALIZED ({_first(asker, "all")})
        SELECT m.n AS mine, m.overdue AS mine_overdue, u.n AS unassigned, u.overdue AS unassigned_overdue,
               e.n AS open, e.overdue, e.escalated, d.n AS disputed
        FROM (SELECT count(*) AS n, count(*) FILTER (WHERE deadline < %(now)s) AS overdue FROM mine) m,
             (SELECT count(*) AS n, count(*) FILTER (WHERE deadline < %(now)s) AS overdue FROM unassigned) u,
             (SELECT count(*) AS n, count(*) FILTER (WHERE deadline < %(now)s) AS overdue,
                     count(*) FILTER (WHERE status = 'escalated') AS escalated FROM everything) e,
             (SELECT count(*) AS n FROM (
                  SELECT FROM review_cases c WHERE c.state = 'disputed' AND {_of_cases(asker.scope)}
                  LIMIT %(limit)s) one) d
    """
    with conn.cursor(row_factory=class_row(Counts)) as cursor:
        found = cursor.execute(
            statement, {**_parameters(asker), "now": now, "after_deadline": None, "after_id": None, "limit": CAP}
        ).fetchone()
    if found is None:
        raise LookupError("a SELECT of aggregates without a row")
    return found


def _first(asker: Asker, which: Which) -> LiteralString:
    """Return the query of the `limit` open reviews of a queue whose deadlines come first, after a given one."""
    mine: LiteralString = "r.expert_id = %(asker)s"
    match which:
        case "mine":
            return _walk(mine)
        case "unassigned":
            return _walk(f"r.expert_id IS NULL AND {_others(asker)}")
        case "all" if asker.role == "admin":
            return _walk("true")
        case "all":
            return f"""
                ({_walk(mine)}) UNION ALL ({_walk(f"r.expert_id IS DISTINCT FROM %(asker)s AND {_others(asker)}")})
                ORDER BY deadline, id
                LIMIT %(limit)s
            """


def _walk(condition: LiteralString) -> LiteralString:
    """Return the query that walks open reviews by deadline and takes those of a condition."""
    return f"""
        SELECT r.id, r.execution_id, r.status, r.priority, r.deadline, r.is_second_opinion, r.opinion, r.is_blind_to_ai,
               r.expert_id, r.parked_at, r.parked_note, r.escalation_note
        FROM expert_reviews r
        WHERE r.status <> 'completed' AND {condition}
          AND (r.deadline, r.id) > (coalesce(%(after_deadline)s::timestamptz, '-infinity'),
                                    coalesce(%(after_id)s::uuid, '00000000-0000-0000-0000-000000000000'))
        ORDER BY r.deadline, r.id
        LIMIT %(limit)s
    """


def _others(asker: Asker) -> LiteralString:
    """Return the condition on reviews `r` that are not the asker's own."""
    if asker.role == "admin":
        return "true"
    # a gold item that somebody else has would be told by its case, which is closed
    unseen: LiteralString = f"r.gold_id IS NULL AND {_NOT_INVOLVED}"
    if asker.scope is None:
        return unseen
    return f"""{unseen} AND (SELECT {_of_cases(asker.scope)} FROM review_cases c
                             WHERE c.execution_id = r.execution_id)"""


def _of_cases(scope: Scope | None) -> LiteralString:
    """Return the condition of a scope on cases `c`, which hold what executions `e` do."""
    if scope is None:
        return "true"
    return """(
        (c.device_id, c.camera_id) IN (SELECT * FROM unnest(%(scope_devices)s::text[], %(scope_cameras)s::text[]))
        OR c.location = ANY(%(scope_locations)s::text[])
    )"""


def _parameters(asker: Asker) -> dict[str, Any]:
    return {
        "asker": asker.user_id,
        "is_admin": asker.role == "admin",
        **scopes.parameters(asker.scope),
    }
