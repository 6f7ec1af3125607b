import pytest

from app.access.permissions import Caller, Permission, require
from app.domain.vocabulary import AccountId, Role
from app.errors import Forbidden


def caller(role: Role) -> Caller:
    return Caller(AccountId(1), "somebody@example.org", role)


def test_an_owner_may_do_everything() -> None:
    assert all(caller(Role.OWNER).may(permission) for permission in Permission)


def test_a_requester_spends_but_neither_manages_accounts_nor_sees_who_the_workers_are() -> None:
    rights = {permission for permission in Permission if caller(Role.REQUESTER).may(permission)}
    assert rights == {Permission.VIEW, Permission.EXPORT, Permission.SPEND}


def test_a_viewer_only_looks() -> None:
    require(caller(Role.VIEWER), Permission.VIEW)
    with pytest.raises(Forbidden, match="may not create, launch or steer Batches"):
        require(caller(Role.VIEWER), Permission.SPEND)
