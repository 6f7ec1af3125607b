"""MTurk's words for states, and ours."""

from enum import StrEnum


class HITStatus(StrEnum):
    """MTurk's words for the state of a HIT."""

    ASSIGNABLE = "Assignable"
    UNASSIGNABLE = "Unassignable"
    REVIEWABLE = "Reviewable"
    REVIEWING = "Reviewing"
    DISPOSED = "Disposed"


class AssignmentStatus(StrEnum):
    """An attempt's state. The wire shows only Submitted, Approved and Rejected."""

    PENDING = "Pending"
    SUBMITTED = "Submitted"
    APPROVED = "Approved"
    REJECTED = "Rejected"
    RETURNED = "Returned"
    ABANDONED = "Abandoned"


class TransactionKind(StrEnum):
    """Why money moved."""

    DEPOSIT = "deposit"
    RESERVE = "reserve"
    RELEASE = "release"
    REWARD = "reward"
    FEE = "fee"
    BONUS = "bonus"


class EventType(StrEnum):
    """What a Requester can be notified of."""

    ASSIGNMENT_ACCEPTED = "AssignmentAccepted"
    ASSIGNMENT_ABANDONED = "AssignmentAbandoned"
    ASSIGNMENT_RETURNED = "AssignmentReturned"
    ASSIGNMENT_SUBMITTED = "AssignmentSubmitted"
    ASSIGNMENT_REJECTED = "AssignmentRejected"
    ASSIGNMENT_APPROVED = "AssignmentApproved"
    HIT_CREATED = "HITCreated"
    HIT_EXPIRED = "HITExpired"
    HIT_REVIEWABLE = "HITReviewable"
    HIT_EXTENDED = "HITExtended"
    HIT_DISPOSED = "HITDisposed"
    PING = "Ping"


class QualificationTypeStatus(StrEnum):
    """Disposing: deleted, but HITs still use it, so its name is not free yet."""

    ACTIVE = "Active"
    INACTIVE = "Inactive"
    DISPOSING = "Disposing"


class QualificationStatus(StrEnum):
    """Whether a Worker has the Qualification, or had it."""

    GRANTED = "Granted"
    REVOKED = "Revoked"


class RequestStatus(StrEnum):
    """A QualificationRequest. Testing: the Worker sits the test. Expired: its time ran out without an answer."""

    TESTING = "Testing"
    PENDING = "Pending"
    GRANTED = "Granted"
    REJECTED = "Rejected"
    EXPIRED = "Expired"


class ReviewLevel(StrEnum):
    """What a review policy looks at."""

    ASSIGNMENT = "Assignment"
    HIT = "HIT"


class ReviewActionStatus(StrEnum):
    """How far a review policy's action has come."""

    INTENDED = "Intended"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


class ChannelKind(StrEnum):
    """Where Workers come from."""

    INVITE = "invite"
    PROLIFIC = "prolific"
    CONNECT = "connect"
    GENERIC = "generic"
