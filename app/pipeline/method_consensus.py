"""Another consensus method on a Batch's Responses, computed where it is asked for and exported beside the stored one.

The labels of the votes are the four answers: their roles mean another class on each Item, and the same thing on all.
"""

from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import export_queries
from app.db.table_streams import Form, Kind, copy_table, fetch, stream
from app.domain.consensus import methods
from app.domain.consensus.majority import CATEGORY_OF
from app.domain.consensus.outcome import NONE_WON, Labels, Outcome
from app.domain.consensus.votes import OPTIONS, Votes
from app.domain.gold import EXPECTED
from app.domain.vocabulary import BatchId, Category

if TYPE_CHECKING:
    import pyarrow as pa

_ITEMS = f"""
    SELECT id, CASE WHEN role = 'gold' THEN coalesce(nullif(lower(trim(extra ->> '{EXPECTED}')), ''), 'given') END AS gold
    FROM items WHERE batch_id = %(batch_id)s ORDER BY id
"""
_VOTES = """
    SELECT r.item_id, r.worker_id, array_position(ARRAY['given', 'guessed', 'both', 'neither'], r.option::text) - 1 AS label
    FROM responses AS r JOIN items AS i ON i.id = r.item_id
    WHERE i.batch_id = %(batch_id)s AND r.counted AND r.option IS NOT NULL
"""
_TARGET = (
    "computed_consensus (item_id, option, category, given, guessed, both_labels, neither,"
    " p_given, p_guessed, p_both, p_neither)"
)


def compute(db: Session, batch_id: BatchId, method: str) -> Outcome:
    """Run the method on all Responses that count, and keep the result for `rows`, until the transaction ends.

    The Batch's quorum applies where the method has one; gold Items calibrate it where it can use them. All Responses are in
    memory. Raises NotFound for the Batch, InvalidInput for an unknown method or one that needs more than answers.
    """
    batch = export_queries.batch_of(db, batch_id)
    chosen = methods.method_named(method).name
    values = {"batch_id": batch_id}
    items = fetch(db, _ITEMS, values, kinds={"id": Kind.NUMBER})
    ids = np.asarray(items["id"], dtype=np.int64)
    votes = _votes(fetch(db, _VOTES, values, kinds=dict.fromkeys(("item_id", "worker_id", "label"), Kind.NUMBER)), ids)
    gold = _gold(items["gold"].to_pylist())
    outcome = methods.aggregate(votes, chosen, quorum=batch.quorum, gold=gold if (gold != NONE_WON).any() else None)
    db.execute(text(export_queries.COMPUTED_TABLE))
    copy_table(db, _TARGET, _table(ids, votes, outcome))
    return outcome


def rows(db: Session, batch_id: BatchId, method: str, *, form: Form = Form.CSV) -> Generator[bytes, None, None]:
    """One line an Item as `export.consensus` has it, by what `compute` found, with `p_given…p_neither` and `certainty`.

    certainty: the probability of the most probable option. Items without Responses have no probabilities.
    """
    values = {"batch_id": batch_id, "method": methods.method_named(method).name}
    return stream(db, export_queries.COMPUTED, values, form=form, kinds=export_queries.COMPUTED_KINDS)


def _votes(answers: "pa.Table", ids: NDArray[np.int64]) -> Votes:
    item = np.searchsorted(ids, np.asarray(answers["item_id"], dtype=np.int64))
    workers, worker = np.unique(np.asarray(answers["worker_id"], dtype=np.int64), return_inverse=True)
    label = np.asarray(answers["label"], dtype=np.int64)
    return Votes.of(item, worker, label, items=len(ids), workers=len(workers), labels=len(OPTIONS))


def _gold(expected: list[str | None]) -> Labels:
    codes = {option.value: number for number, option in enumerate(OPTIONS)}
    return np.array([codes.get(word or "", NONE_WON) for word in expected], dtype=np.int64)


def _table(ids: NDArray[np.int64], votes: Votes, outcome: Outcome) -> "pa.Table":
    import pyarrow as pa

    # NONE_WON, -1, indexes the last of each.
    options = np.array([*(option.value for option in OPTIONS), None], dtype=object)
    categories = np.array(
        [*(CATEGORY_OF[option].value for option in OPTIONS), Category.NON_AGREEMENT.value], dtype=object
    )
    columns = [ids, options[outcome.label], categories[outcome.label]]
    arrays = [pa.array(column) for column in (*columns, *votes.counts().T, *outcome.posterior.T)]
    return pa.table(arrays, names=[f"c{number}" for number in range(len(arrays))])
