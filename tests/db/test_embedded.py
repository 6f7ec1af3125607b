"""The life of an embedded PostgreSQL: started, shared, killed and started again, as root and as a normal user."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from app.db import embedded
from tests.db.embedded_people import (
    Person,
    answers,
    holder_of,
    needs_root,
    parent_of,
    postmaster_of,
    read,
    using,
    wait_until,
    write,
)


def test_rows_outlive_the_server_which_stops_with_its_last_user(
    person: Person, folder_of: Callable[[Person], Path]
) -> None:
    folder = folder_of(person)
    with using(person, folder) as first:
        write(first.url, 1)
        with using(person, folder) as second:
            assert second.url == first.url
        assert read(first.url) == [1], "the server stays while one user stays"
    assert not answers(first.url)
    with using(person, folder) as later:
        assert read(later.url) == [1]
        assert later.url == first.url, "same port, same password"


def test_hold_in_this_process_and_is_running_agree(ours: Person, folder_of: Callable[[Person], Path]) -> None:
    folder = folder_of(ours)
    assert embedded.is_running(folder) is None
    assert not folder.exists(), "asking changes nothing"
    with embedded.hold(folder) as url:
        assert embedded.is_running(folder) == url
    assert embedded.is_running(folder) is None
    shutil.rmtree(folder)


def test_four_processes_racing_on_a_new_folder_share_one_server(
    person: Person, folder_of: Callable[[Person], Path]
) -> None:
    folder = folder_of(person)
    with ExitStack() as stack:
        processes = [stack.enter_context(person.hold(folder)) for _ in range(4)]
        urls = {process.stdout.readline().strip() for process in processes if process.stdout}
        for process in processes:
            process.communicate()
    assert len(urls) == 1
    assert urls.pop().startswith("postgresql://")


@needs_root
def test_two_users_of_one_machine_each_have_a_server(
    ours: Person, normal_user: Person, folder_of: Callable[[Person], Path]
) -> None:
    with using(ours, folder_of(ours)) as root, using(normal_user, folder_of(normal_user)) as other:
        write(root.url, 1)
        write(other.url, 2)
        assert (read(root.url), read(other.url)) == ([1], [2])


@needs_root
def test_a_folder_of_another_user_is_refused_with_the_way_out(
    ours: Person, normal_user: Person, folder_of: Callable[[Person], Path]
) -> None:
    with using(normal_user, folder_of(ours)) as client:
        assert client.url.startswith("refused:")
        assert "Permission denied" in client.url
        assert "DATABASE_URL" in client.url


def test_a_server_whose_user_was_killed_stops_and_keeps_what_was_committed(
    person: Person, folder_of: Callable[[Person], Path]
) -> None:
    folder = folder_of(person)
    with using(person, folder) as client:
        write(client.url, 7)
        client.kill()
        wait_until(lambda: not answers(client.url))
    with using(person, folder) as later:
        assert read(later.url) == [7]


def test_a_killed_server_comes_back_on_the_same_port_with_what_was_committed(
    person: Person, folder_of: Callable[[Person], Path]
) -> None:
    folder = folder_of(person)
    with using(person, folder) as client:
        write(client.url, 7)
        killed = postmaster_of(folder)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: answers(client.url) and postmaster_of(folder) != killed)
        assert read(client.url) == [7]


def test_a_killed_supervisor_takes_the_server_along_and_the_next_user_starts_both(
    person: Person, folder_of: Callable[[Person], Path]
) -> None:
    folder = folder_of(person)
    with using(person, folder) as client:
        write(client.url, 7)
        os.kill(parent_of(postmaster_of(folder)), signal.SIGKILL)
        with using(person, folder) as later:
            assert later.url == client.url
            assert read(client.url) == [7]
    assert "received fast shutdown request" in (folder / "postgres.log").read_text()


# initdb takes about a second, in which a busy machine may not let us look.
TRIES = 5


def half_way(folder: Path) -> bool:
    """Wait until initdb is at work in the folder; false where it was over when we looked."""
    wait_until(lambda: (folder / "data.new" / "PG_VERSION").exists() or (folder / "data").exists())
    return not (folder / "data").exists()


def test_a_start_that_was_killed_half_way_is_taken_over(person: Person, folder_of: Callable[[Person], Path]) -> None:
    for _ in range(TRIES):
        folder = folder_of(person)
        with person.hold(folder) as starting:
            caught = half_way(folder)
            starting.kill()
            starting.communicate()
        if caught:
            break
    assert caught
    with using(person, folder) as client:
        write(client.url, 1)
        assert read(client.url) == [1]


def test_a_supervisor_killed_during_initdb_leaves_no_half_made_data(
    person: Person, folder_of: Callable[[Person], Path]
) -> None:
    for _ in range(TRIES):
        folder = folder_of(person)
        with using(person, folder) as warm_up:
            assert warm_up.url
        shutil.rmtree(folder / "data")
        (folder / "password").unlink()
        with person.hold(folder) as starting:
            caught = half_way(folder)
            os.kill(holder_of(folder / "supervisor.lock"), signal.SIGKILL)
            said, _ = starting.communicate()
        if caught and said.startswith("refused:"):
            break
    assert caught
    assert said.startswith("refused:")
    with using(person, folder) as client:
        write(client.url, 1)
        assert read(client.url) == [1]
    assert not (folder / "data.new").exists()


def test_a_stale_pid_file_naming_a_living_stranger_harms_neither(
    person: Person, folder_of: Callable[[Person], Path]
) -> None:
    folder = folder_of(person)
    with using(person, folder) as client:
        write(client.url, 7)
        postmaster = postmaster_of(folder)
        supervisor = parent_of(postmaster)
        for pid, number in ((supervisor, signal.SIGSTOP), (postmaster, signal.SIGKILL), (supervisor, signal.SIGKILL)):
            os.kill(pid, number)
    owner = (folder / "data").stat().st_uid
    # Of the server's own user: only such a PID would make PostgreSQL itself refuse to start.
    with subprocess.Popen(["sleep", "600"], user=owner if os.geteuid() == 0 else None) as stranger:
        pid_file = folder / "data" / "postmaster.pid"
        pid_file.write_text(pid_file.read_text().replace(str(postmaster), str(stranger.pid), 1))
        with using(person, folder) as later:
            assert read(later.url) == [7]
        assert stranger.poll() is None
        stranger.kill()


def test_no_second_server_starts_while_a_process_of_the_first_lives(
    ours: Person, folder_of: Callable[[Person], Path]
) -> None:
    folder = folder_of(ours)
    with using(ours, folder) as client:
        write(client.url, 7)
        first = postmaster_of(folder)
        supervisor = parent_of(first)
        # Frozen, the server cannot follow its supervisor's death, and answers nobody.
        os.kill(first, signal.SIGSTOP)
        os.kill(supervisor, signal.SIGKILL)
        with ours.hold(folder) as waiting:
            wait_until(lambda: holder_of(folder / "supervisor.lock") not in {0, supervisor})
            time.sleep(0.5)
            assert postmaster_of(folder) == first
            os.kill(first, signal.SIGCONT)
            assert waiting.stdout is not None
            assert read(waiting.stdout.readline().strip()) == [7]
            assert postmaster_of(folder) != first
            waiting.communicate()


def test_a_port_taken_meanwhile_is_left_to_its_taker(ours: Person, folder_of: Callable[[Person], Path]) -> None:
    folder = folder_of(ours)
    with embedded.hold(folder) as url:
        write(url, 7)
    port = int((folder / "port").read_text())
    with socket.create_server(("127.0.0.1", port)), embedded.hold(folder) as moved:
        assert f":{port}/" not in moved
        assert read(moved) == [7]
