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
HitGroupId = NewType("HitGroupId", int)
AccountId = NewType("AccountId", int)
RequestToken = NewType("RequestToken", UUID)

# The ids that the marketplace gives; never to be mixed with our own numbers.
MarketplaceHITId = NewType("MarketplaceHITId", str)
MarketplaceAssignmentId = NewType("MarketplaceAssignmentId", str)
MarketplaceWorkerId = NewType("MarketplaceWorkerId", str)
HITTypeId = NewType("HITTypeId", str)
QualificationTypeId = NewType("QualificationTypeId", str)


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


class PauseReason(StrEnum):
    """Why a Batch is paused, and so who continues it.

    person: somebody pressed pause · funds: the Requester's balance ran out; a refilled one resumes it · cap: the Batch's or
    the Account's cap does not cover what is next · refused: the marketplace refused a call · pilot: the pilot's Items are
    answered, the rest waits for a decision · credentials: the marketplace no longer knows ours.
    """

    PERSON = "person"
    FUNDS = "funds"
    CAP = "cap"
    REFUSED = "refused"
    PILOT = "pilot"
    CREDENTIALS = "credentials"


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
    """open: more Responses are awaited · settled: no further one can change the category, or no more will come."""

    OPEN = "open"
    SETTLED = "settled"


class Shortfall(StrEnum):
    """An Item has fewer answers than it should, and no HIT of it can bring more.

    due: more will be asked for · fresh: by a fresh HIT, as none of its HITs can be offered again · cap: the Batch's cap, or its
    Account's, does not cover more · limit: it was offered as often as the Batch's limit allows.
    """

    DUE = "due"
    FRESH = "fresh"
    CAP = "cap"
    LIMIT = "limit"


class HitPurpose(StrEnum):
    """What the HITs of a group are for: Items to answer, or pay for a Worker who could not submit their work."""

    ITEMS = "items"
    COMPENSATION = "compensation"


class OperationKind(StrEnum):
    """A call to the marketplace that spends money or makes something visible.

    publish, extend (more Assignments, a later expiry), expire and delete: of a HIT · approve, reject, override (a rejection
    taken back) and bonus: of an Assignment · qualify: a Worker is given the Qualification that keeps them out of a group's
    HITs, or lets them in.
    """

    PUBLISH = "publish"
    EXTEND = "extend"
    EXPIRE = "expire"
    DELETE = "delete"
    APPROVE = "approve"
    REJECT = "reject"
    OVERRIDE = "override"
    BONUS = "bonus"
    QUALIFY = "qualify"


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

    reservation: what a HIT, or more of it, may cost · release: the part that will not be spent (negative) ·
    reward and fee: what an Assignment costs, out of its HIT's reservation · bonus and bonus_fee: beside it.
    """

    RESERVATION = "reservation"
    RELEASE = "release"
    REWARD = "reward"
    FEE = "fee"
    BONUS = "bonus"
    BONUS_FEE = "bonus_fee"


class PaymentStatus(StrEnum):
    """The way of a ledger entry.

    booked: reservations, releases · owed: decided, the marketplace not told yet · paid: the marketplace did it ·
    cancelled: owed no longer, since the marketplace had rejected the work.
    """

    BOOKED = "booked"
    OWED = "owed"
    PAID = "paid"
    CANCELLED = "cancelled"


class AlertKind(StrEnum):
    """Something about a Batch, or an endpoint, that a person should know."""

    STALLED = "stalled"  # HITs are live and nobody has answered for long
    LOW_BALANCE = "low_balance"
    NEAR_EXPIRY = "near_expiry"  # HITs end soon with places unfilled
    AUTO_APPROVAL = "auto_approval"  # work nobody reviewed is paid soon
    DISAGREEMENT = "disagreement"  # Workers agree less than at first
    DRIFT = "drift"  # the shares of the answers move
    ATTENTION = "attention"  # the Batch is paused or a call was refused
    DIFFERENCE = "difference"  # the marketplace and our tables differ
    NO_RUNNER = "no_runner"  # no job runner has been seen for long


class DifferenceKind(StrEnum):
    """What reconcile can find between our tables and the marketplace."""

    HIT_NOT_RECORDED = "hit_not_recorded"  # published for us, and our row does not know it yet
    HIT_OF_NO_BATCH = "hit_of_no_batch"  # carries our annotation, and no row of ours
    HIT_SHOULD_BE_OVER = "hit_should_be_over"  # cancelled or closed here, open there
    HIT_MISSING = "hit_missing"  # live here, unknown there
    PLACES_DIFFER = "places_differ"
    ASSIGNMENT_NOT_COLLECTED = "assignment_not_collected"
    ASSIGNMENT_MISSING = "assignment_missing"
    DECISION_NOT_RECORDED = "decision_not_recorded"  # decided there, open here
    DECISION_DIFFERS = "decision_differs"  # approved here, rejected there, or the reverse
    BONUS_NOT_RECORDED = "bonus_not_recorded"
    BONUS_MISSING = "bonus_missing"
    LEDGER_WRONG = "ledger_wrong"  # an entry of ours breaks a rule of the ledger


class Role(StrEnum):
    """What an Account may do: owners everything, requesters launch and spend, viewers look."""

    OWNER = "owner"
    REQUESTER = "requester"
    VIEWER = "viewer"
