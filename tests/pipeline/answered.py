"""Batches with answers, for the tests of exports."""

from sqlalchemy.orm import Session

from app.db.tables import Batch, Item
from app.domain.vocabulary import BatchId, Option
from app.pipeline import consensus
from tests.factories import make_assignment, make_batch, make_hit, make_item, make_response, make_worker

WORDS = {word.value: word for word in Option}


def answered_batch(db: Session, *answers: str, **columns: object) -> Batch:
    """A Batch of one Item for each of `answers`, with that many Responses, by Ada, Bob and so on: "given given both".

    `cannot` is a Worker who could not tell. Ids are the positions. The quorum's Consensus is computed.
    """
    batch = make_batch(db, **columns)
    items = [make_item(db, batch, external_id=str(number)) for number in range(len(answers))]
    workers = [make_worker(db, pseudonym=f"W-{name}", marketplace_worker_id=f"A-{name}") for name in "abcde"]
    for item, words in zip(items, answers, strict=True):
        hit = make_hit(db, batch, item)
        for worker, word in zip(workers, words.split(), strict=False):
            make_response(db, make_assignment(db, hit, worker), item, WORDS.get(word))
    settle(db, batch)
    return batch


def settle(db: Session, batch: Batch) -> None:
    """Compute the Batch's Consensus."""
    db.flush()
    consensus.mark_all_stale(db, BatchId(batch.id))
    while consensus.compute_chunk(db, BatchId(batch.id)):
        pass


def items_of(db: Session, batch: Batch) -> list[Item]:
    return list(db.query(Item).where(Item.batch_id == batch.id).order_by(Item.id))
