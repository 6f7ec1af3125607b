"""Where Items stand: the answers that count, the HITs that may still bring some, and how many more must be asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.tables import Batch
from app.domain import redundancy
from app.domain.consensus.votes import VoteCounts
from app.domain.redundancy import Asking
from app.domain.vocabulary import HITId, ItemId

# An open extension, as a condition on a HIT `h`: more will come of it, or a person must look at why not.
OPEN_EXTENSION = """
    EXISTS (SELECT 1 FROM operations AS o WHERE o.hit_id = h.id AND o.kind = 'extend'
            AND o.status IN ('intended', 'acting', 'failed'))
"""
# A HIT `h` whose last word on its Items is not spoken.
AWAITED = f"""
    (h.status IN ('planned', 'publishing') OR (h.status = 'live' AND NOT h.exhausted) OR {OPEN_EXTENSION}
     OR EXISTS (SELECT 1 FROM assignments AS a WHERE a.hit_id = h.id AND a.answer_state = 'raw'))
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """An Item. `need`: answers to ask for now, 0 while a HIT of it may still bring some. `latest`: its last HIT, if any.

    lost: it was offered more places than it has counted answers, so something did not come, or does not count.
    """

    item_id: ItemId
    latest: HITId | None
    need: int
    awaited: bool
    lost: bool


_STANDINGS = text(f"""
    SELECT w.id, r.*, s.latest, coalesce(s.places, 0) AS places, coalesce(s.awaited, false) AS awaited
    FROM unnest(CAST(:ids AS bigint[])) AS w (id)
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE option = 'given') AS given, count(*) FILTER (WHERE option = 'guessed') AS guessed,
               count(*) FILTER (WHERE option = 'both') AS both_labels, count(*) FILTER (WHERE option = 'neither') AS neither,
               count(*) FILTER (WHERE cannot_tell) AS cannot_tell
        FROM responses WHERE item_id = w.id AND counted
    ) AS r
    CROSS JOIN LATERAL (
        SELECT max(h.id) AS latest, sum(h.max_assignments) AS places, bool_or({AWAITED}) AS awaited
        FROM hit_items AS hi JOIN hits AS h ON h.id = hi.hit_id JOIN hit_groups AS g ON g.id = h.group_id
        WHERE hi.item_id = w.id AND h.status <> 'cancelled' AND g.purpose = 'items'
    ) AS s
    ORDER BY w.id
""")


def asking_of(batch: Batch) -> Asking:
    """The Batch's rule for how many answers to ask for."""
    return Asking(quorum=batch.quorum, first=batch.first_assignments, most=batch.assignments_per_item)


def standings(db: Session, batch: Batch, item_ids: Sequence[ItemId]) -> list[Standing]:
    """How these Items of the Batch stand, by Item."""
    rows = db.execute(_STANDINGS, {"ids": list(item_ids)}).all() if item_ids else []
    if not rows:
        return []
    counts = np.array([[row.given, row.guessed, row.both_labels, row.neither] for row in rows], dtype=np.int64)
    cannot_tell = np.array([row.cannot_tell for row in rows], dtype=np.int64)
    needs = redundancy.needed(VoteCounts(counts), cannot_tell, asking_of(batch))
    answers = counts.sum(axis=1) + cannot_tell
    return [
        Standing(
            ItemId(row.id),
            row.latest,
            0 if row.awaited else int(need),
            row.awaited,
            lost=int(answer_count) < row.places,
        )
        for row, need, answer_count in zip(rows, needs, answers, strict=True)
    ]
