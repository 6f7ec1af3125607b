import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.errors import InvalidInput
from app.secrets import installation_secret, local_credentials, pseudonym
from app.settings import Settings

SHOW = """
import sys
from pathlib import Path
from app.secrets import installation_secret
from app.settings import Settings
sys.stdout.write(installation_secret(Settings(data_dir=Path(sys.argv[1]))).decode())
"""


@pytest.fixture(autouse=True)
def no_secret_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABELJURY_SECRET_KEY", raising=False)


def test_the_generated_secret_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    secret = installation_secret(Settings(data_dir=folder))
    assert len(secret) == 64
    assert stat.S_IMODE((folder / "secret.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["secret.key"]


def test_the_secret_stays_the_same(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert installation_secret(settings) == installation_secret(settings)


def test_processes_that_start_at_once_read_one_secret(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", SHOW, str(tmp_path / "data")], stdout=subprocess.PIPE) for _ in range(4)
    ]
    secrets = {process.communicate(timeout=240)[0] for process in processes}
    assert len(secrets) == 1
    assert len(secrets.pop()) == 64


def test_a_configured_secret_wins_over_the_file(tmp_path: Path) -> None:
    installation_secret(Settings(data_dir=tmp_path))
    assert installation_secret(Settings(data_dir=tmp_path, secret_key=SecretStr("k" * 40))) == b"k" * 40


@pytest.mark.parametrize("content", ["", "\n", "short"])
def test_a_damaged_secret_is_refused_rather_than_used(tmp_path: Path, content: str) -> None:
    (tmp_path / "secret.key").write_text(content)
    with pytest.raises(InvalidInput, match="is damaged: restore it"):
        installation_secret(Settings(data_dir=tmp_path))


def test_a_pseudonym_is_stable_and_tells_nothing_of_the_worker() -> None:
    name = pseudonym(b"key", "A2SUAM7D7SREMX")
    assert name == pseudonym(b"key", "A2SUAM7D7SREMX")
    assert name.startswith("W-")
    assert len(name) == 18
    assert "A2SUAM" not in name.upper()


def test_a_pseudonym_depends_on_the_key_and_on_the_worker() -> None:
    names = {pseudonym(key, worker) for key in (b"one", b"two") for worker in ("A1", "A2")}
    assert len(names) == 4


def test_service_and_marketplace_derive_the_same_credentials_and_hide_the_secret_half(tmp_path: Path) -> None:
    keys = local_credentials(Settings(data_dir=tmp_path))
    assert keys == local_credentials(Settings(data_dir=tmp_path))
    assert keys.access_key_id.startswith("LJ")
    assert len(keys.access_key_id) == 20
    assert keys.secret_access_key not in repr(keys)
    assert keys != local_credentials(Settings(data_dir=tmp_path, secret_key=SecretStr("k" * 40)))
