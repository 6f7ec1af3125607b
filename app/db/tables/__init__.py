"""The service's tables, one module a thing. Importing this package registers all of them."""

from app.db.tables.accounts import Account, ApiKey, AuditEntry, Login, LoginAttempt
from app.db.tables.assignments import Assignment
from app.db.tables.batches import Batch
from app.db.tables.consensus import Consensus
from app.db.tables.hits import Endpoint, Hit, HitGroup, HitItem, Operation
from app.db.tables.items import Item, MediaFile
from app.db.tables.notifications import NotificationQueue
from app.db.tables.payments import Payment
from app.db.tables.responses import Response
from app.db.tables.watch import Alert, Difference
from app.db.tables.workers import DroppedWorker, Worker

__all__ = [
    "Account",
    "Alert",
    "ApiKey",
    "Assignment",
    "AuditEntry",
    "Batch",
    "Consensus",
    "Difference",
    "DroppedWorker",
    "Endpoint",
    "Hit",
    "HitGroup",
    "HitItem",
    "Item",
    "Login",
    "LoginAttempt",
    "MediaFile",
    "NotificationQueue",
    "Operation",
    "Payment",
    "Response",
    "Worker",
]
