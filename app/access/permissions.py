"""Who may do what: the roles' permissions, and the caller whom the edges hand down."""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.vocabulary import AccountId, Role
from app.errors import Forbidden


class Permission(StrEnum):
    """What an Account may do. The value completes "your account may not …"."""

    VIEW = "look at Batches"
    EXPORT = "download exports"
    SPEND = "create, launch or steer Batches"
    SEE_WORKER_IDS = "see the Workers' marketplace ids"
    MANAGE_ACCOUNTS = "manage accounts"


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.REQUESTER: frozenset({Permission.VIEW, Permission.EXPORT, Permission.SPEND}),
    Role.VIEWER: frozenset({Permission.VIEW, Permission.EXPORT}),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """The Account behind a request."""

    account_id: AccountId
    email: str
    role: Role

    def may(self, permission: Permission) -> bool:
        """Whether the caller's role has `permission`."""
        return permission in PERMISSIONS[self.role]


def require(caller: Caller, permission: Permission) -> None:
    """Raise Forbidden unless `caller` has `permission`."""
    if not caller.may(permission):
        raise Forbidden(permission)
