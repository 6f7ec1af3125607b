"""Qualification Types over the wire."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from app.db.engine import Database
from tests.marketplace.people import Browser, expire_now, hit_values, publish, turk_code
from tests.marketplace.qualification_tests import KEY, TEST, ask, define, requirement, type_values
from tests.marketplace.strangers import second_requester

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


INSIDE: list[dict[str, Any]] = [
    {"Name": "n" * 200},
    {"Description": "d" * 2000},
    {"Keywords": "k" * 1000},
    {"RetryDelayInSeconds": 0},
    {"RetryDelayInSeconds": 2**31 - 1},
    {"Test": TEST, "TestDurationInSeconds": 1},
    {"Test": TEST, "TestDurationInSeconds": 31_536_000, "AnswerKey": KEY},
    {"AutoGranted": True, "AutoGrantedValue": 2**31 - 1},
    {"TestDurationInSeconds": 60},
]
OUTSIDE: list[dict[str, Any]] = [
    {"Name": "n" * 201},
    {"Name": ""},
    {"Name": " \t"},
    {"Name": "a\0b"},
    {"Description": "d" * 2001},
    {"Description": ""},
    {"Keywords": "k" * 1001},
    {"QualificationTypeStatus": "Disposing"},
    {"RetryDelayInSeconds": -1},
    {"RetryDelayInSeconds": 2**31},
    {"RetryDelayInSeconds": 2**63 - 1},
    {"Test": TEST},
    {"Test": TEST, "TestDurationInSeconds": 0},
    {"Test": TEST, "TestDurationInSeconds": 31_536_001},
    {"Test": TEST, "TestDurationInSeconds": 60, "AutoGranted": True},
    {"Test": "<a/>", "TestDurationInSeconds": 60},
    {"Test": TEST + " " * 65_535, "TestDurationInSeconds": 60},
    {"AnswerKey": KEY},
    {"Test": TEST, "TestDurationInSeconds": 60, "AnswerKey": "<AnswerKey/>"},
    {"Test": TEST, "TestDurationInSeconds": 60, "AnswerKey": KEY.replace("bird", "fish")},
    {"Test": TEST, "TestDurationInSeconds": 60, "AnswerKey": KEY + " " * 65_535},
    {"AutoGrantedValue": 2**31},
]


def names(listed: Any) -> list[str]:
    return [kind["Name"] for kind in listed["QualificationTypes"]]


def test_a_type_is_shown_as_it_was_defined(mturk: "MTurkClient") -> None:
    made = mturk.create_qualification_type(
        **type_values(
            Keywords="birds, fish", RetryDelayInSeconds=60, Test=TEST, AnswerKey=KEY, TestDurationInSeconds=300
        )
    )["QualificationType"]
    assert made["IsRequestable"]
    assert not made["AutoGranted"]
    assert "AutoGrantedValue" not in made
    assert (made["Keywords"], made["RetryDelayInSeconds"], made["TestDurationInSeconds"]) == ("birds, fish", 60, 300)
    assert (made["Test"], made["AnswerKey"]) == (TEST, KEY)
    shown = mturk.get_qualification_type(QualificationTypeId=made["QualificationTypeId"])["QualificationType"]
    assert shown == made


def test_auto_granted_has_the_value_one_unless_told_otherwise(mturk: "MTurkClient") -> None:
    one = mturk.create_qualification_type(**type_values(AutoGranted=True))["QualificationType"]
    assert one["AutoGrantedValue"] == 1
    two = mturk.create_qualification_type(**type_values(Name="B", AutoGranted=True, AutoGrantedValue=-7))
    assert two["QualificationType"]["AutoGrantedValue"] == -7


def test_a_name_is_taken_once(mturk: "MTurkClient") -> None:
    define(mturk)
    with pytest.raises(mturk.exceptions.RequestError, match="already created a QualificationType with this name") as no:
        define(mturk)
    assert turk_code(no.value) == "AWS.MechanicalTurk.QualificationTypeAlreadyExists"


def test_what_is_just_inside_the_limits_is_taken(mturk: "MTurkClient") -> None:
    for number, values in enumerate(INSIDE):
        assert define(mturk, **{"Name": f"Number {number}", **values}), values


def test_what_breaks_a_limit_is_refused(mturk: "MTurkClient") -> None:
    for values in OUTSIDE:
        with pytest.raises(ClientError) as refused:
            define(mturk, **values)
        assert refused.value.response["Error"]["Code"] == "ParameterValidationError", values
    assert mturk.list_qualification_types(MustBeRequestable=False, MustBeOwnedByCaller=True)["NumResults"] == 0


def test_an_update_changes_what_it_names_and_nothing_else(mturk: "MTurkClient") -> None:
    id = define(mturk, Keywords="birds")
    mturk.update_qualification_type(
        QualificationTypeId=id, Description="New", RetryDelayInSeconds=5, AutoGranted=True, AutoGrantedValue=3
    )
    mturk.update_qualification_type(QualificationTypeId=id, QualificationTypeStatus="Inactive")
    shown = mturk.get_qualification_type(QualificationTypeId=id)["QualificationType"]
    assert (shown["Description"], shown["Keywords"], shown["RetryDelayInSeconds"]) == ("New", "birds", 5)
    assert (shown["AutoGranted"], shown["AutoGrantedValue"]) == (True, 3)
    assert (shown["QualificationTypeStatus"], shown["IsRequestable"]) == ("Inactive", False)


def test_a_test_is_replaced_whole_and_never_removed(mturk: "MTurkClient") -> None:
    id = define(mturk, Test=TEST, AnswerKey=KEY, TestDurationInSeconds=300)
    mturk.update_qualification_type(QualificationTypeId=id, Test="", TestDurationInSeconds=10)
    assert mturk.get_qualification_type(QualificationTypeId=id)["QualificationType"]["Test"] == TEST
    for wrong in ({"AnswerKey": KEY}, {"Test": TEST}, {"AutoGranted": True}):
        with pytest.raises(ClientError, match="ParameterValidationError"):
            mturk.update_qualification_type(QualificationTypeId=id, **wrong)
    mturk.update_qualification_type(QualificationTypeId=id, Test=TEST, TestDurationInSeconds=60)
    shown = mturk.get_qualification_type(QualificationTypeId=id)["QualificationType"]
    assert shown["TestDurationInSeconds"] == 60
    assert "AnswerKey" not in shown


def test_a_test_cannot_come_to_a_type_that_is_granted_by_itself(mturk: "MTurkClient") -> None:
    id = define(mturk, AutoGranted=True)
    with pytest.raises(ClientError, match="AutoGranted cannot be true"):
        mturk.update_qualification_type(QualificationTypeId=id, Test=TEST, TestDurationInSeconds=60)
    mturk.update_qualification_type(QualificationTypeId=id, Test=TEST, TestDurationInSeconds=60, AutoGranted=False)


def test_types_are_found_by_name_and_keyword_page_by_page(mturk: "MTurkClient") -> None:
    for number in range(3):
        define(mturk, Name=f"Bird {number}", Keywords="wings")
    define(mturk, Name="50% fish", QualificationTypeStatus="Inactive")
    listing = mturk.list_qualification_types
    assert names(listing(MustBeRequestable=False, MustBeOwnedByCaller=True, Query="bIRD")) == [
        "Bird 2",
        "Bird 1",
        "Bird 0",
    ]
    assert names(listing(MustBeRequestable=True, Query="WING")) == ["Bird 2", "Bird 1", "Bird 0"]
    assert names(listing(MustBeRequestable=False, Query="%")) == ["50% fish"]
    assert names(listing(MustBeRequestable=True, Query="fish")) == []
    pages = mturk.get_paginator("list_qualification_types").paginate(
        MustBeRequestable=False, PaginationConfig={"PageSize": 2}
    )
    found = [name for page in pages for name in names(page)]
    assert found[:4] == ["50% fish", "Bird 2", "Bird 1", "Bird 0"]
    assert "Worker_Locale" in found
    assert found.count("Masters") == 2
    assert len(found) == len(found[:4]) + 10


def test_the_system_types_can_be_read_and_not_touched(mturk: "MTurkClient") -> None:
    locale = "00000000000000000071"
    shown = mturk.get_qualification_type(QualificationTypeId=locale)["QualificationType"]
    assert (shown["Name"], shown["IsRequestable"]) == ("Worker_Locale", False)
    for refused in (
        lambda: mturk.update_qualification_type(QualificationTypeId=locale, Description="Mine"),
        lambda: mturk.delete_qualification_type(QualificationTypeId=locale),
        lambda: mturk.associate_qualification_with_worker(QualificationTypeId=locale, WorkerId="A1"),
    ):
        with pytest.raises(mturk.exceptions.RequestError) as error:
            refused()
        assert turk_code(error.value) == "AWS.MechanicalTurk.PermissionDeniedException"


def test_a_deleted_type_is_gone_at_once_when_nothing_uses_it(
    mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    id, ada = define(mturk), worker("Ada")
    ask(ada, id)
    mturk.delete_qualification_type(QualificationTypeId=id)
    with pytest.raises(mturk.exceptions.RequestError, match="does not exist") as gone:
        mturk.get_qualification_type(QualificationTypeId=id)
    assert turk_code(gone.value) == "AWS.MechanicalTurk.QualificationTypeDoesNotExist"
    assert mturk.list_qualification_requests()["NumResults"] == 0
    assert "was not granted" in ada.http.get(f"/worker/qualifications/{id}").text
    with pytest.raises(mturk.exceptions.RequestError, match="does not exist"):
        publish(mturk, QualificationRequirements=[requirement(id, "Exists")])
    assert define(mturk) != id


def test_a_deleted_type_keeps_its_name_until_its_hits_are_deleted(
    mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    id, ada = define(mturk), worker("Ada")
    mturk.associate_qualification_with_worker(QualificationTypeId=id, WorkerId=ada.worker_id)
    hit = publish(mturk, QualificationRequirements=[requirement(id, "Exists")])
    mturk.delete_qualification_type(QualificationTypeId=id)
    with pytest.raises(mturk.exceptions.RequestError, match="status of: Active,Inactive") as disposing:
        mturk.get_qualification_type(QualificationTypeId=id)
    assert turk_code(disposing.value) == "AWS.MechanicalTurk.InvalidQualificationTypeState"
    with pytest.raises(mturk.exceptions.RequestError, match="already created"):
        define(mturk)
    with pytest.raises(mturk.exceptions.RequestError, match="status of: Active"):
        mturk.create_hit_with_hit_type(
            HITTypeId=hit["HITTypeId"], LifetimeInSeconds=60, Question=hit_values()["Question"]
        )
    assert mturk.list_qualification_types(MustBeRequestable=False, MustBeOwnedByCaller=True)["NumResults"] == 0
    # What was granted stays, and lets its Workers do the HITs that are still there.
    ada.accept(hit["HITTypeId"])
    ada.post(f"/assignments/{ada.accept(hit['HITTypeId'])}/return")
    assert mturk.list_hits_for_qualification_type(QualificationTypeId=id)["NumResults"] == 1
    expire_now(mturk, hit["HITId"])
    mturk.delete_hit(HITId=hit["HITId"])
    with pytest.raises(mturk.exceptions.RequestError, match="does not exist"):
        mturk.get_qualification_type(QualificationTypeId=id)
    assert define(mturk)


def test_hits_are_listed_by_the_qualification_they_require(mturk: "MTurkClient") -> None:
    id, other = define(mturk), define(mturk, Name="Other")
    hits = [
        publish(mturk, QualificationRequirements=[requirement(other, "Exists"), requirement(id, "LessThan", 5)])
        for _ in range(3)
    ]
    publish(mturk)
    listed = [
        hit["HITId"]
        for page in mturk.get_paginator("list_hits_for_qualification_type").paginate(
            QualificationTypeId=id, PaginationConfig={"PageSize": 2}
        )
        for hit in page["HITs"]
    ]
    assert listed == [hit["HITId"] for hit in reversed(hits)]
    expire_now(mturk, hits[0]["HITId"])
    mturk.delete_hit(HITId=hits[0]["HITId"])
    assert mturk.list_hits_for_qualification_type(QualificationTypeId=id)["NumResults"] == 2


def test_hits_may_require_only_active_types(mturk: "MTurkClient") -> None:
    id = define(mturk, QualificationTypeStatus="Inactive")
    with pytest.raises(mturk.exceptions.RequestError, match="status of: Active"):
        publish(mturk, QualificationRequirements=[requirement(id, "Exists")])
    with pytest.raises(mturk.exceptions.RequestError) as unknown:
        publish(mturk, QualificationRequirements=[requirement("3NOBODYHASTHIS", "Exists")])
    assert turk_code(unknown.value) == "AWS.MechanicalTurk.QualificationTypeDoesNotExist"
    mturk.update_qualification_type(QualificationTypeId=id, QualificationTypeStatus="Active")
    assert publish(mturk, QualificationRequirements=[requirement(id, "Exists")])


@pytest.mark.parametrize(
    "wrong",
    [
        {"QualificationTypeId": "00000000000000000071", "Comparator": "EqualTo", "IntegerValues": [1]},
        {"QualificationTypeId": "00000000000000000060", "Comparator": "EqualTo", "LocaleValues": [{"Country": "US"}]},
        {"QualificationTypeId": "00000000000000000071", "Comparator": "EqualTo", "LocaleValues": [{"Country": "us"}]},
    ],
)
def test_locales_are_for_worker_locale_alone(mturk: "MTurkClient", wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="ParameterValidationError"):
        publish(mturk, QualificationRequirements=[wrong])


def test_a_strangers_type_does_not_exist(mturk: "MTurkClient", marketplace: str, database: Database) -> None:
    id, mallory = define(mturk), second_requester(marketplace, database)
    assert mallory.list_qualification_types(MustBeRequestable=True)["NumResults"] == 0
    for refused in (
        lambda: mallory.get_qualification_type(QualificationTypeId=id),
        lambda: mallory.update_qualification_type(QualificationTypeId=id, Description="Mine"),
        lambda: mallory.delete_qualification_type(QualificationTypeId=id),
        lambda: mallory.list_workers_with_qualification_type(QualificationTypeId=id),
        lambda: mallory.list_qualification_requests(QualificationTypeId=id),
        lambda: mallory.list_hits_for_qualification_type(QualificationTypeId=id),
        lambda: mallory.get_qualification_score(QualificationTypeId=id, WorkerId="A1"),
        lambda: publish(mallory, QualificationRequirements=[requirement(id, "Exists")]),
    ):
        with pytest.raises(ClientError, match="does not exist"):
            refused()
    assert define(mallory) != id


def test_the_time_for_a_test_can_be_changed_alone(mturk: "MTurkClient") -> None:
    made = mturk.create_qualification_type(
        Name="Birds", Description="d", QualificationTypeStatus="Active", Test=TEST, TestDurationInSeconds=60
    )["QualificationType"]
    type_id = made["QualificationTypeId"]
    changed = mturk.update_qualification_type(QualificationTypeId=type_id, TestDurationInSeconds=90)
    assert changed["QualificationType"]["TestDurationInSeconds"] == 90
    assert changed["QualificationType"]["Test"] == TEST
