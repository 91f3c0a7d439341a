"""Who uses a state folder, which versions wrote it, and what a reset leaves."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import private, state, unprivileged
from deploy.local.layout import Layout
from deploy.local.problems import Problem
from deploy.local.supervision import MARK


@pytest.fixture
def place(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "state")


def test_one_run_at_a_time(place: Layout) -> None:
    with state.in_use(place):
        assert state.running(place) == os.getpid()
        with pytest.raises(Problem, match=f"It runs already, as process {os.getpid()}"), state.in_use(place):
            pass
    assert state.running(place) is None


def test_the_same_versions_go_on(place: Layout) -> None:
    place.state.mkdir()
    state.check_versions(place)
    (place.state / "kafka").mkdir()
    state.check_versions(place)
    assert (place.state / "versions.json").exists()


@pytest.mark.parametrize("note", ['{"format": 0, "kafka": "4.3.0", "postgres": "18"}', "broken", ""])
def test_other_versions_say_what_to_do(place: Layout, note: str) -> None:
    (place.state / "kafka").mkdir(parents=True)
    (place.state / "versions.json").write_text(note)
    with pytest.raises(Problem, match="make reset"):
        state.check_versions(place)


def test_data_without_a_note_is_of_another_version(place: Layout) -> None:
    (place.state / "postgres").mkdir(parents=True)
    with pytest.raises(Problem, match="There: unknown"):
        state.check_versions(place)


def test_data_of_another_postgresql_is_noticed(place: Layout) -> None:
    place.state.mkdir()
    state.check_versions(place)
    data = place.state / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(Problem, match="of another version"):
        state.check_versions(place)


def test_a_reset_keeps_what_was_downloaded(place: Layout) -> None:
    for name in ("kafka", "postgres", "downloads", "secrets"):
        (place.state / name).mkdir(parents=True)
    place.sample_marker.write_text("")
    state.reset(place)
    assert [path.name for path in place.state.iterdir()] == ["downloads"]


def test_a_reset_of_nothing_is_no_error(place: Layout) -> None:
    state.reset(place)
    assert not place.state.exists()


def test_a_reset_deletes_data_that_had_to_be_elsewhere(place: Layout, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place.state.mkdir()
    (place.state / "postgres").symlink_to(elsewhere)
    state.reset(place)
    assert not elsewhere.exists()
    assert list(place.state.iterdir()) == []


def test_leftovers_are_those_of_this_folder(place: Layout) -> None:
    command = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"]
    environments = [{MARK: str(place.state)}, {MARK: "/another"}, {}]
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for environment in environments]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        assert [process.pid for process in state.leftovers(place)] == [processes[0].pid]
        assert state.stop_leftovers(place) == [processes[0].pid]
        assert processes[0].poll() is not None
        assert [process.poll() for process in processes[1:]] == [None, None]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_private_files_are_their_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"
    assert private.kept(path, lambda: "first") == "first"
    assert private.kept(path, lambda: "second") == "first"
    private.write(path, "third")
    assert path.read_text() == "third"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_without_root_postgresql_runs_as_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unprivileged.user() is None
    unprivileged.own_folder(tmp_path / "postgres", None)
    assert stat.S_IMODE((tmp_path / "postgres").stat().st_mode) == 0o700
    assert unprivileged.reachable(tmp_path, "1", None) == tmp_path


def test_as_root_without_a_user_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise subprocess.CalledProcessError(1, "useradd")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(unprivileged, "_ensure_user", fail)
    with pytest.raises(Problem, match=f"useradd {unprivileged.USER}"):
        unprivileged.user()


def test_stopping_what_does_not_run_is_no_error(place: Layout) -> None:
    assert state.stop(place) is None
