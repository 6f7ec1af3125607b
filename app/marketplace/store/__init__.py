"""The marketplace's own tables, in a schema of their own."""

from app.marketplace.store.hits import HIDEABLE, HIT, Assignment, HITLayout, HITType
from app.marketplace.store.notifications import OutboxMessage
from app.marketplace.store.qualifications import Qualification, QualificationRequest, QualificationType
from app.marketplace.store.recruitment import Channel, ChannelMember, Invitation, Visit
from app.marketplace.store.requesters import (
    AccessKey,
    BonusPayment,
    MarketplaceClock,
    Requester,
    RequesterSession,
    RequestToken,
    SignInFailure,
    Transaction,
)
from app.marketplace.store.reviews import ReviewAction, ReviewResult
from app.marketplace.store.schema import SCHEMA, MarketplaceBase, constant
from app.marketplace.store.words import (
    AssignmentStatus,
    ChannelKind,
    EventType,
    HITStatus,
    QualificationStatus,
    QualificationTypeStatus,
    RequestStatus,
    ReviewActionStatus,
    ReviewLevel,
    TransactionKind,
)
from app.marketplace.store.workers import Message, Worker, WorkerBlock, WorkerSession

__all__ = [
    "HIDEABLE",
    "HIT",
    "SCHEMA",
    "AccessKey",
    "Assignment",
    "AssignmentStatus",
    "BonusPayment",
    "Channel",
    "ChannelKind",
    "ChannelMember",
    "EventType",
    "HITLayout",
    "HITStatus",
    "HITType",
    "Invitation",
    "MarketplaceBase",
    "MarketplaceClock",
    "Message",
    "OutboxMessage",
    "Qualification",
    "QualificationRequest",
    "QualificationStatus",
    "QualificationType",
    "QualificationTypeStatus",
    "RequestStatus",
    "RequestToken",
    "Requester",
    "RequesterSession",
    "ReviewAction",
    "ReviewActionStatus",
    "ReviewLevel",
    "ReviewResult",
    "SignInFailure",
    "Transaction",
    "TransactionKind",
    "Visit",
    "Worker",
    "WorkerBlock",
    "WorkerSession",
    "constant",
]
