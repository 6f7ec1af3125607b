import re
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import AliasChoices, ValidationError
from pydantic.fields import FieldInfo

from app.settings import PRODUCTION_ENDPOINT, SANDBOX_ENDPOINT, MarketplaceProfile, Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
SECRET = "s" * 32


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable and no .env of the machine that runs the tests."""
    for field, info in Settings.model_fields.items():
        for name in names_of(field, info):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def names_of(field: str, info: FieldInfo) -> list[str]:
    if isinstance(info.validation_alias, AliasChoices):
        return [str(choice) for choice in info.validation_alias.choices]
    return ["LABELJURY_" + field.upper()]


def default_of(info: FieldInfo) -> str:
    if info.default_factory is not None:
        return "the user's data folder"
    if info.default is None:
        return "unset"
    return f"`{str(info.default).lower() if isinstance(info.default, bool) else info.default}`"


def faults_of(error: ValidationError) -> str:
    return "; ".join(f"{fault['loc']}: {fault['msg']}" for fault in error.errors())


def test_the_page_describes_every_setting_and_no_other() -> None:
    described = {name: (default, text) for name, default, text in ROW.findall(PAGE.read_text())}
    ours = {
        names_of(field, info)[0]: (default_of(info), info.description) for field, info in Settings.model_fields.items()
    }
    assert described == ours


def test_the_page_names_every_other_spelling_and_awss_own_variables() -> None:
    page = PAGE.read_text()
    others = [name for field, info in Settings.model_fields.items() for name in names_of(field, info)[1:]]
    for name in [*others, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"]:
        assert f"`{name}`" in page


def test_without_any_variable_everything_is_a_rehearsal() -> None:
    settings = Settings()
    assert settings.marketplace_profile is MarketplaceProfile.LOCAL
    assert not settings.allow_production
    assert settings.endpoint_url(MarketplaceProfile.LOCAL) == "http://127.0.0.1:8701"


@pytest.mark.parametrize("name", ["DATABASE_URL", "LABELJURY_DATABASE_URL"])
def test_the_database_may_be_named_either_way(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "postgresql://db.example/jury")
    assert Settings().database_url == "postgresql://db.example/jury"


def test_a_variable_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("LABELJURY_LEASE_S=30\nLABELJURY_JOB_CONCURRENCY=2\n")
    monkeypatch.setenv("LABELJURY_LEASE_S", "60")
    settings = Settings()
    assert (settings.lease_s, settings.job_concurrency) == (60, 2)


@pytest.mark.parametrize("name", [name for f, i in Settings.model_fields.items() for name in names_of(f, i)])
def test_a_variable_set_to_nothing_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    without = Settings()
    monkeypatch.setenv(name, "")
    assert Settings() == without


def test_settings_cannot_be_changed_after_start() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().allow_production = True  # type: ignore[misc]


# --- money ------------------------------------------------------------------------------------------------------------


def test_production_refuses_to_start_without_a_secret() -> None:
    with pytest.raises(ValidationError, match="LABELJURY_SECRET_KEY"):
        Settings(marketplace_profile=MarketplaceProfile.PRODUCTION, spending_limit_usd=Decimal(5))


def test_production_refuses_to_start_without_a_spending_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELJURY_SECRET_KEY", SECRET)
    with pytest.raises(ValidationError, match="LABELJURY_SPENDING_LIMIT_USD"):
        Settings(marketplace_profile=MarketplaceProfile.PRODUCTION)


def test_production_starts_with_both_and_still_may_not_publish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELJURY_SECRET_KEY", SECRET)
    settings = Settings(marketplace_profile=MarketplaceProfile.PRODUCTION, spending_limit_usd=Decimal(5))
    assert not settings.allow_production


def test_a_custom_marketplace_needs_its_url() -> None:
    with pytest.raises(ValidationError, match="AWS_ENDPOINT_URL_MTURK"):
        Settings(marketplace_profile=MarketplaceProfile.CUSTOM)
    with pytest.raises(ValueError, match="AWS_ENDPOINT_URL_MTURK"):
        Settings().endpoint_url(MarketplaceProfile.CUSTOM)


@pytest.mark.parametrize(
    "name", ["AWS_ENDPOINT_URL_MTURK", "LABELJURY_MARKETPLACE_PUBLIC_URL", "LABELJURY_MARKETPLACE_INTERNAL_URL"]
)
@pytest.mark.parametrize(
    "url",
    [
        PRODUCTION_ENDPOINT,
        SANDBOX_ENDPOINT,
        "https://mturk-requester.us-east-1.amazonaws.com.",
        "HTTPS://MTurk-Requester.US-east-1.AmazonAWS.com:443/",
        "https://mturk-requester.eu-west-1.amazonaws.com",
        "https://mturk-requester-fips.us-east-1.amazonaws.com",
        "https://mturk-requester.us-east-1.api.aws",
    ],
)
def test_awss_real_endpoint_cannot_be_reached_by_another_name(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)
    with pytest.raises(ValidationError, match="choose profile production"):
        Settings()


def test_each_profile_has_an_endpoint_of_its_own_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_MTURK", "https://turk.example")
    settings = Settings()
    found = {profile: settings.endpoint_url(profile) for profile in MarketplaceProfile}
    assert found == {
        MarketplaceProfile.LOCAL: "http://127.0.0.1:8701",
        MarketplaceProfile.SANDBOX: SANDBOX_ENDPOINT,
        MarketplaceProfile.PRODUCTION: PRODUCTION_ENDPOINT,
        MarketplaceProfile.CUSTOM: "https://turk.example",
    }


@pytest.mark.parametrize(
    "url", ["https://mturk-requester.example.org", "https://mturk.us-east-1.amazonaws.com", "http://127.0.0.1:8701"]
)
def test_any_other_endpoint_may_be_the_custom_one(url: str) -> None:
    settings = Settings(marketplace_profile=MarketplaceProfile.CUSTOM, mturk_endpoint_url=url)
    assert settings.endpoint_url(MarketplaceProfile.CUSTOM) == url


def test_only_awss_own_marketplaces_are_public() -> None:
    assert {profile for profile in MarketplaceProfile if profile.is_public} == {
        MarketplaceProfile.SANDBOX,
        MarketplaceProfile.PRODUCTION,
    }


# --- containers -------------------------------------------------------------------------------------------------------

COMPOSE = PAGE.parents[1] / "docker-compose.yml"
FILLED_IN = re.compile(r"^ {4}([A-Z_]+): \$\{\1:-(.*)\}$", re.MULTILINE)


def test_the_containers_are_given_all_that_the_other_profiles_need(monkeypatch: pytest.MonkeyPatch) -> None:
    optional = dict(FILLED_IN.findall(COMPOSE.read_text()))
    for name in (
        "LABELJURY_ALLOW_PRODUCTION",
        "LABELJURY_SPENDING_LIMIT_USD",
        "AWS_ENDPOINT_URL_MTURK",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ):
        assert optional[name] == ""
    for name, value in optional.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.marketplace_profile is MarketplaceProfile.LOCAL
    assert (settings.allow_production, settings.spending_limit_usd, settings.mturk_endpoint_url) == (False, None, None)


def test_a_spending_limit_set_to_nothing_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELJURY_SECRET_KEY", SECRET)
    monkeypatch.setenv("LABELJURY_MARKETPLACE_PROFILE", "production")
    monkeypatch.setenv("LABELJURY_SPENDING_LIMIT_USD", "")
    with pytest.raises(ValidationError, match="needs LABELJURY_SPENDING_LIMIT_USD"):
        Settings()


# --- bad values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("LABELJURY_SECRET_KEY", "short", "at least 32 characters"),
        ("LABELJURY_LOG_LEVEL", "LOUD", "use DEBUG, INFO, WARNING or ERROR"),
        ("LABELJURY_MARKETPLACE_PROFILE", "moon", "'local', 'sandbox', 'production' or 'custom'"),
        ("LABELJURY_WEB_PORT", "70000", "less than or equal to 65535"),
        ("LABELJURY_WEB_PORT", "http", "valid integer"),
        ("LABELJURY_CALLS_PER_SECOND", "0", "greater than 0"),
        ("LABELJURY_SPENDING_LIMIT_USD", "-1", "greater than or equal to 0"),
        ("LABELJURY_SPENDING_LIMIT_USD", "NaN", "finite number"),
        ("LABELJURY_ALLOW_PRODUCTION", "perhaps", "valid boolean"),
        ("LABELJURY_WEB_PUBLIC_URL", "jury.example.org", "must be a URL"),
        ("LABELJURY_MARKETPLACE_PUBLIC_URL", "ftp://jury.example.org", "must be a URL"),
        ("AWS_ENDPOINT_URL_MTURK", "http://ju ry", "must be a URL"),
        ("AWS_ENDPOINT_URL_MTURK", "http://jury:port", "Port could not be cast"),
        ("DATABASE_URL", "mysql://db/jury", "must be a postgresql:// URL"),
        ("DATABASE_URL", "jury", "must be a postgresql:// URL"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_the_fix(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert name.removeprefix("LABELJURY_").lower() in faults_of(refused.value).lower()
    assert says in faults_of(refused.value)


def test_a_secret_is_never_shown() -> None:
    settings = Settings(secret_key=SECRET)
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.model_dump())


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8700"),
        ("::", "http://127.0.0.1:8700"),
        ("localhost", "http://127.0.0.1:8700"),
        ("jury.example", "http://jury.example:8700"),
    ],
)
def test_an_address_to_listen_on_becomes_one_to_open(host: str, url: str) -> None:
    assert Settings(web_host=host).web_url == url


def test_public_urls_win_and_lose_their_last_slash() -> None:
    settings = Settings(web_public_url="https://jury.example/", marketplace_public_url="https://work.example/")
    assert (settings.web_url, settings.marketplace_url) == ("https://jury.example", "https://work.example")


def test_job_runners_may_reach_the_marketplace_by_another_address() -> None:
    settings = Settings(
        marketplace_public_url="https://work.example", marketplace_internal_url="http://marketplace:8701/"
    )
    assert settings.marketplace_url == "https://work.example"
    assert settings.endpoint_url(MarketplaceProfile.LOCAL) == "http://marketplace:8701"


def test_media_lie_in_the_data_folder_unless_they_are_shared(tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path).media_path == tmp_path / "media"
    assert Settings(data_dir=tmp_path, media_dir=tmp_path / "shared").media_path == tmp_path / "shared"


@pytest.mark.parametrize("proxies", ["*", "proxy", "10.0.0.1/8", "127.0.0.1,,"])
def test_a_proxy_to_trust_is_an_address_or_a_network(proxies: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings(trusted_proxies=proxies)
