"""The words of the product as types: ids, statuses, options, categories."""

from enum import StrEnum
from typing import NewType
from uuid import UUID

BatchId = NewType("BatchId", int)
ItemId = NewType("ItemId", int)
HITId = NewType("HITId", int)
AssignmentId = NewType("AssignmentId", int)
WorkerId = NewType("WorkerId", int)
OperationId = NewType("OperationId", int)
AccountId = NewType("AccountId", int)
RequestToken = NewType("RequestToken", UUID)

# The ids that the marketplace gives; never to be mixed with our own numbers.
MarketplaceHITId = NewType("MarketplaceHITId", str)
MarketplaceAssignmentId = NewType("MarketplaceAssignmentId", str)
MarketplaceWorkerId = NewType("MarketplaceWorkerId", str)
HITTypeId = NewType("HITTypeId", str)


class MediaType(StrEnum):
    """What an Item is."""

    IMAGE = "image"
    TEXT = "text"
    AUDIO = "audio"


class ItemRole(StrEnum):
    """Why an Item is shown: suspected, answer known, or mixed in to compare."""

    SUSPECT = "suspect"
    GOLD = "gold"
    CONTROL = "control"


class Option(StrEnum):
    """A Worker's answer on one Item, as the dataset's owner reads it."""

    GIVEN = "given"
    GUESSED = "guessed"
    BOTH = "both"
    NEITHER = "neither"


class Choice(StrEnum):
    """A Worker's answer on one Item, as the page names it; it does not say which of `a` and `b` is the given one."""

    A = "a"
    B = "b"
    BOTH = "both"
    NEITHER = "neither"
    CANNOT_TELL = "cannot_tell"


class Category(StrEnum):
    """What an Item's Consensus means, in the study's words."""

    NON_ERROR = "non-error"
    CORRECTABLE = "correctable"
    MULTI_LABEL = "multi-label"
    NEITHER = "neither"
    NON_AGREEMENT = "non-agreement"


class BatchStatus(StrEnum):
    """draft: nothing spent yet · live: publishing and collecting · paused: collecting only · stopping · stopped · done."""

    DRAFT = "draft"
    LIVE = "live"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"


class HITStatus(StrEnum):
    """The way of a HIT.

    planned: written down · publishing: the call may have happened · live: known to the marketplace ·
    done: nothing more will come · cancelled: never published.
    """

    PLANNED = "planned"
    PUBLISHING = "publishing"
    LIVE = "live"
    DONE = "done"
    CANCELLED = "cancelled"


class AssignmentStatus(StrEnum):
    """Our view of submitted work; MTurk's own word stays in `marketplace_status`."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"


class AnswerState(StrEnum):
    """raw: stored, not read yet · parsed: Responses stored · quarantined: could not be read, kept and shown."""

    RAW = "raw"
    PARSED = "parsed"
    QUARANTINED = "quarantined"


class ConsensusStatus(StrEnum):
    """open: more Responses are awaited · settled: all that were asked for have come, or no more will."""

    OPEN = "open"
    SETTLED = "settled"


class OperationKind(StrEnum):
    """A call to the marketplace that spends money or makes something visible."""

    PUBLISH = "publish"
    APPROVE = "approve"
    EXPIRE = "expire"


class OperationStatus(StrEnum):
    """The way of an operation.

    intended: written down · acting: claimed under a lease, may have happened · done ·
    failed: refused, a person must look · cancelled.
    """

    INTENDED = "intended"
    ACTING = "acting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PaymentKind(StrEnum):
    """The kinds of ledger entry.

    reservation: what a HIT may cost · release: the part that will not be spent (negative) ·
    reward and fee: what an Assignment costs.
    """

    RESERVATION = "reservation"
    RELEASE = "release"
    REWARD = "reward"
    FEE = "fee"


class PaymentStatus(StrEnum):
    """The way of a ledger entry.

    booked: reservations, releases · owed: decided, the marketplace not told yet · paid: the marketplace did it ·
    cancelled: owed no longer, since the marketplace had rejected the work.
    """

    BOOKED = "booked"
    OWED = "owed"
    PAID = "paid"
    CANCELLED = "cancelled"


class Role(StrEnum):
    """What an Account may do: owners everything, requesters launch and spend, viewers look."""

    OWNER = "owner"
    REQUESTER = "requester"
    VIEWER = "viewer"
