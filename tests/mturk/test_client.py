from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.db.leases import LONGEST_CALL_S
from app.errors import Forbidden, MarketplaceRefused
from app.mturk.client import ATTEMPT_S, Marketplace, connect
from app.secrets import local_credentials
from app.settings import PRODUCTION_ENDPOINT, SANDBOX_ENDPOINT, MarketplaceProfile, Settings

AMAZON = "https://mturk-requester.us-east-1.amazonaws.com"


@pytest.fixture(autouse=True)
def no_aws_on_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_MTURK", "AWS_ACCESS_KEY_ID", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def settings(tmp_path: Path, **values: object) -> Settings:
    return Settings(data_dir=tmp_path, secret_key=SecretStr("x" * 32), **values)  # type: ignore[arg-type]  # as given


def endpoint_of(marketplace: Marketplace) -> str:
    """Where calls really go, as boto3 sees it."""
    return str(marketplace.client.meta.endpoint_url)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_MTURK", "AWS_ENDPOINT_URL"])
@pytest.mark.parametrize(
    ("profile", "endpoint"),
    [
        (MarketplaceProfile.LOCAL, "http://127.0.0.1:8701"),
        (MarketplaceProfile.SANDBOX, SANDBOX_ENDPOINT),
        (MarketplaceProfile.PRODUCTION, PRODUCTION_ENDPOINT),
    ],
)
def test_no_variable_moves_a_profile_to_another_endpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, profile: MarketplaceProfile, endpoint: str
) -> None:
    base = settings(tmp_path, allow_production=True, spending_limit_usd=1)
    monkeypatch.setenv(name, "https://elsewhere.example")
    marketplace = connect(base, profile)
    assert endpoint_of(marketplace) == marketplace.endpoint_url == endpoint


def test_a_rehearsal_never_goes_to_amazon_whatever_awss_configuration_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = ["[default]", "region = eu-west-1", f"endpoint_url = {AMAZON}", "services = all"]
    lines += ["[services all]", "mturk =", f"  endpoint_url = {AMAZON}"]
    (tmp_path / "config").write_text("\n".join(lines))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    base = settings(tmp_path)
    marketplace = connect(base, MarketplaceProfile.LOCAL)
    assert endpoint_of(marketplace) == "http://127.0.0.1:8701"
    assert marketplace.client.meta.region_name == "us-east-1"
    used = marketplace.client._request_signer._credentials  # type: ignore[attr-defined]  # boto3 shows it nowhere else
    assert used.access_key == local_credentials(base).access_key_id


def test_a_custom_profile_speaks_to_its_url(tmp_path: Path) -> None:
    base = settings(tmp_path, marketplace_profile="custom", mturk_endpoint_url="https://turk.example")
    assert endpoint_of(connect(base, MarketplaceProfile.CUSTOM)) == "https://turk.example"


def test_an_aws_profile_of_other_work_does_not_stand_in_the_way_of_a_rehearsal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    connect(settings(tmp_path), MarketplaceProfile.LOCAL)


def test_an_aws_profile_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    with pytest.raises(MarketplaceRefused, match=r"not-there.*unset AWS_PROFILE"):
        connect(settings(tmp_path), MarketplaceProfile.SANDBOX)


@pytest.mark.parametrize("governed", [True, False])
def test_a_call_with_all_its_attempts_ends_within_its_part_of_the_lease(tmp_path: Path, governed: bool) -> None:
    # The stubs do not know the attributes that botocore gives a Config.
    config: Any = connect(settings(tmp_path), MarketplaceProfile.LOCAL, governed=governed).client.meta.config
    attempts = config.retries["total_max_attempts"]
    longest_pause_s = 1 + 2  # standard mode waits up to 1, 2, … s between attempts
    assert config.connect_timeout + config.read_timeout == ATTEMPT_S
    assert config.retries["mode"] == "standard"
    assert attempts * ATTEMPT_S + longest_pause_s <= LONGEST_CALL_S
    assert Settings.model_fields["lease_s"].default > LONGEST_CALL_S


def test_a_governed_client_makes_one_attempt_so_that_every_answer_is_counted(tmp_path: Path) -> None:
    config: Any = connect(settings(tmp_path), MarketplaceProfile.LOCAL, governed=True).client.meta.config
    assert config.retries["total_max_attempts"] == 1


def test_every_call_that_a_runner_may_have_under_way_has_a_connection(tmp_path: Path) -> None:
    base = settings(tmp_path, publish_threads=24, job_concurrency=3)
    config: Any = connect(base, MarketplaceProfile.LOCAL).client.meta.config
    assert config.max_pool_connections >= 24 * 3


def test_a_marketplace_does_not_show_its_client_in_logs(tmp_path: Path) -> None:
    assert "client" not in repr(connect(settings(tmp_path), MarketplaceProfile.LOCAL))


def test_nobody_connects_to_production_without_its_settings(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, allow_production=True)
    with pytest.raises(Forbidden, match="LABELJURY_SPENDING_LIMIT_USD and LABELJURY_SECRET_KEY"):
        connect(settings, MarketplaceProfile.PRODUCTION)
