"""Rows for tests. Each function writes one row with believable values; keyword arguments replace any column."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.engine import Base
from app.db.tables import Assignment, Batch, Consensus, Hit, HitGroup, HitItem, Item, MediaFile, Response, Worker
from app.domain.vocabulary import AnswerState, BatchStatus, Category, ConsensusStatus, HITStatus, MediaType, Option
from app.settings import MarketplaceProfile

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TEMPLATE = "{% for item in items %}{{ item.label_a }} or {{ item.label_b }}?{% endfor %}"

Row = TypeVar("Row", bound=Base)

_numbers = count(1)


def make_batch(db: Session, **columns: Any) -> Batch:
    """A Batch of images on the own marketplace, still a draft: five Assignments per Item, quorum three."""
    return _add(
        db,
        Batch,
        columns,
        name="Birds",
        profile=MarketplaceProfile.LOCAL,
        media_type=MediaType.IMAGE,
        status=BatchStatus.DRAFT,
        template_name="image",
        template_source=TEMPLATE,
        template_sha256=hashlib.sha256(TEMPLATE.encode()).hexdigest(),
        title="Which label fits?",
        description="Look at a picture and say which of two labels fits.",
        keywords="image, label",
        instructions="Choose the label that fits.",
        frame_height=600,
        reward_usd=Decimal("0.05"),
        assignments_per_item=5,
        first_assignments=columns.get("assignments_per_item", 5),
        items_per_hit=1,
        quorum=3,
        assignment_duration_s=600,
        lifetime_s=7 * 24 * 3600,
        auto_approval_delay_s=3 * 24 * 3600,
        cap_usd=Decimal("100.00"),
        seed=7,
    )


def make_item(db: Session, batch: Batch, **columns: Any) -> Item:
    """An Item of the Batch with its medium as a URL; pass `media_url=None` with `text=` or `media_token=` for another."""
    number = next(_numbers)
    return _add(
        db,
        Item,
        columns,
        batch_id=batch.id,
        line=number,
        external_id=f"item-{number}",
        media_type=batch.media_type,
        media_url=f"https://images.example/{number}.png",
        given_label="cat",
        guessed_label="dog",
        page_bytes=400,
    )


def make_media_file(db: Session, **columns: Any) -> MediaFile:
    """The record of an imported picture; no file lies behind it."""
    token = uuid4().hex
    return _add(
        db,
        MediaFile,
        columns,
        token=token,
        sha256=hashlib.sha256(token.encode()).hexdigest(),
        content_type="image/png",
        size_bytes=1000,
    )


def make_worker(db: Session, **columns: Any) -> Worker:
    """A Worker of the own marketplace."""
    number = next(_numbers)
    return _add(
        db,
        Worker,
        columns,
        profile=MarketplaceProfile.LOCAL,
        marketplace_worker_id=f"A{number:013}",
        pseudonym=f"W-{number:016x}",
    )


def make_hit(db: Session, batch: Batch, *items: Item, **columns: Any) -> Hit:
    """A live HIT that shows `items` in this order, each with the given label as `a`."""
    hit = _add(
        db,
        Hit,
        columns,
        batch_id=batch.id,
        status=HITStatus.LIVE,
        request_token=uuid4(),
        annotation=f"labeljury:{uuid4()}",
        group_id=columns.get("group_id") or _main_group(db, batch).id,
        max_assignments=batch.assignments_per_item,
        marketplace_hit_id=f"3{uuid4().hex[:29].upper()}",
        published_at=NOW,
    )
    for position, item in enumerate(items, start=1):
        _add(db, HitItem, {}, hit_id=hit.id, position=position, item_id=item.id, a_is_given=True)
    return hit


def _main_group(db: Session, batch: Batch) -> HitGroup:
    """The Batch's own group, ready to publish."""
    found = db.scalar(select(HitGroup).where(HitGroup.batch_id == batch.id, HitGroup.number == 0))
    return found or _add(
        db,
        HitGroup,
        {},
        batch_id=batch.id,
        number=0,
        reward_usd=batch.reward_usd,
        qualification_type_id=f"3Q{uuid4().hex[:28].upper()}",
        hit_type_id=f"3T{uuid4().hex[:28].upper()}",
    )


def make_assignment(db: Session, hit: Hit, worker: Worker, **columns: Any) -> Assignment:
    """A submitted Assignment whose answer was read."""
    return _add(
        db,
        Assignment,
        columns,
        hit_id=hit.id,
        worker_id=worker.id,
        marketplace_assignment_id=f"3{uuid4().hex[:29].upper()}",
        marketplace_status="Submitted",
        answer_state=AnswerState.PARSED,
        raw_answer=b"<QuestionFormAnswers/>",
        accepted_at=NOW,
        submitted_at=NOW,
    )


def make_response(
    db: Session, assignment: Assignment, item: Item, option: Option | None = Option.GIVEN, **columns: Any
) -> Response:
    """The Worker's answer on one Item; `option=None` means that they could not tell."""
    return _add(
        db,
        Response,
        columns,
        assignment_id=assignment.id,
        item_id=item.id,
        worker_id=assignment.worker_id,
        position=1,
        option=option,
        cannot_tell=option is None,
        order_shown=["given", "guessed", "both", "neither"],
        elapsed_ms=4200,
    )


def make_consensus(db: Session, item: Item, **columns: Any) -> Consensus:
    """A settled Consensus by quorum: all five confirm the given label."""
    return _add(
        db,
        Consensus,
        columns,
        item_id=item.id,
        method="quorum",
        response_count=5,
        given_count=5,
        guessed_count=0,
        both_count=0,
        neither_count=0,
        cannot_tell_count=0,
        option=Option.GIVEN,
        category=Category.NON_ERROR,
        status=ConsensusStatus.SETTLED,
        agreement=1.0,
    )


def _add(db: Session, table: type[Row], columns: dict[str, Any], **defaults: Any) -> Row:
    row = table(**defaults | columns)
    db.add(row)
    db.flush()
    return row
