"""MTurk's operations on Qualifications that keep Workers out or let them in. Every function raises MarketplaceError only."""

from app.domain.vocabulary import MarketplaceWorkerId, QualificationTypeId
from app.errors import MarketplaceRefused, OutcomeUnknown
from app.mturk.client import Marketplace
from app.mturk.requester import PAGE_SIZE
from app.mturk.translation import known_id, translated


def qualification_type(marketplace: Marketplace, *, name: str, description: str) -> QualificationTypeId:
    """The Qualification type of ours with this name, made if there is none: repeating this is harmless.

    Nobody can ask for it. Raises OutcomeUnknown while it exists and the search does not find it yet: MTurk's index lags by
    up to a minute (mturk-facts §2.4).
    """
    try:
        with translated("CreateQualificationType"):
            answer = marketplace.client.create_qualification_type(
                Name=name, Description=description, QualificationTypeStatus="Active"
            )
            return QualificationTypeId(known_id(answer["QualificationType"]["QualificationTypeId"]))
    except MarketplaceRefused as refused:
        if "already created a QualificationType with this name" not in refused.message and not refused.code.endswith(
            "QualificationTypeAlreadyExists"
        ):
            raise
    with translated("ListQualificationTypes"):
        page = marketplace.client.list_qualification_types(
            Query=name, MustBeRequestable=False, MustBeOwnedByCaller=True, MaxResults=PAGE_SIZE
        )
        for found in page["QualificationTypes"]:
            if found["Name"] == name:
                return QualificationTypeId(known_id(found["QualificationTypeId"]))
    raise OutcomeUnknown("ListQualificationTypes", "NotListedYet", f"{name!r} exists and is not listed yet")


def qualify(
    marketplace: Marketplace, qualification_type_id: QualificationTypeId, worker_id: MarketplaceWorkerId
) -> None:
    """AssociateQualificationWithWorker, without an e-mail to the Worker. Repeating this is harmless."""
    with translated("AssociateQualificationWithWorker"):
        marketplace.client.associate_qualification_with_worker(
            QualificationTypeId=qualification_type_id, WorkerId=worker_id, IntegerValue=1, SendNotification=False
        )
