"""What goes wrong on a user's machine is said with what to do about it."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.local import __main__ as command_line
from deploy.local import layout, problems
from deploy.local.problems import Problem


def test_a_full_disk_is_noticed_before_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**30))
    with pytest.raises(Problem) as raised:
        problems.check_space(tmp_path / "not" / "yet" / "there")
    assert "1.0 GiB free, 3 needed" in str(raised.value)
    assert "CRM_LOCAL_DIR" in str(raised.value)


def test_a_disk_with_room_is_no_problem(tmp_path: Path) -> None:
    problems.check_space(tmp_path, needed_bytes=1)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "Not enough disk space for /some/file"),
        (errno.EDQUOT, "Not enough disk space for /some/file"),
        (errno.EACCES, "No permission to write /some/file"),
        (errno.EROFS, "No permission to write /some/file"),
    ],
)
def test_errors_of_the_system_that_a_user_can_change(number: int, words: str) -> None:
    problem = problems.from_os_error(OSError(number, os.strerror(number), "/some/file"), Path("/state"))
    assert words in str(problem)


def test_an_error_without_a_file_names_the_state_folder() -> None:
    assert "/state" in str(problems.from_os_error(OSError(errno.ENOSPC, "full"), Path("/state")))


def test_other_errors_of_the_system_are_not_explained_away() -> None:
    assert problems.from_os_error(OSError(errno.EIO, "broken"), Path("/state")) is None


def test_a_taken_port_is_said_with_who_has_it_and_what_changes_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Problem) as raised:
            layout.check_port("kafka", {"CRM_LOCAL_KAFKA_PORT": str(port)})
    text = str(raised.value)
    assert f"Port {port} on 127.0.0.1 is taken by process {os.getpid()}" in text
    assert f"CRM_LOCAL_KAFKA_PORT={port + 1000} make run" in text


def test_a_command_says_a_problem_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRM_LOCAL_DIR", str(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    assert command_line.main(["servers"]) == 1
    assert "Not enough disk space" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: Path, *arguments: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setenv("CRM_LOCAL_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert command_line.main(["run"]) == 1
    said = capsys.readouterr().err
    assert f"No permission to write {tmp_path / 'state'}" in said
    assert "CRM_LOCAL_DIR" in said


def test_an_unknown_actor_is_told_who_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRM_LOCAL_DIR", str(tmp_path))
    assert command_line.main(["token", "nobody"]) == 1
    assert "anna, bruno, sofia, ada, marta, samuel, rosa, ramon, omar, telephony, importer" in capsys.readouterr().err
