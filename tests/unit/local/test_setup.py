"""``make setup``: what it says to those who lack something."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.local import install, layout

SCRIPT = layout.ROOT / "deploy" / "local" / "setup.sh"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH on which there's a shell and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "echo"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def put(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def set_up(tools: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(tools / "sh"), str(SCRIPT), "requirements.txt"],
        cwd=tools.parent,
        env={"PATH": str(tools), **environment},
        capture_output=True,
        text=True,
    )


def test_without_python_it_says_what_to_install(tools: Path) -> None:
    done = set_up(tools)
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "wasn't found as python3" in done.stderr
    assert "Here:" not in done.stderr
    assert "apt install python3" in done.stderr


def test_an_old_python_is_named(tools: Path) -> None:
    put(tools, "python3", 'if [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi')
    done = set_up(tools)
    assert done.returncode == 1
    assert "Here: Python 3.9.2" in done.stderr
    assert "make setup PYTHON=" in done.stderr


def test_a_python_that_was_named_is_the_one_that_counts(tools: Path) -> None:
    put(tools, "python3", "exit 0")
    done = set_up(tools, PYTHON="/opt/none/python3")
    assert done.returncode == 1
    assert "wasn't found as /opt/none/python3" in done.stderr


def test_a_python_without_venv_says_which_package_has_it(tools: Path) -> None:
    put(tools, "python3", 'case "$2" in *ensurepip*) exit 1;; *) exit 0;; esac')
    done = set_up(tools)
    assert done.returncode == 1
    assert "its venv module is missing" in done.stderr
    assert "apt install python3-venv" in done.stderr


def test_an_environment_that_cannot_be_made_is_said(tools: Path) -> None:
    put(tools, "python3", 'case "$*" in *--clear*) echo "No space left"; exit 1;; *) exit 0;; esac')
    done = set_up(tools)
    assert done.returncode == 1
    assert "The virtual environment couldn't be made" in done.stderr


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "is full. Free about 2 GiB"),
        ("ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: 'x'", "No permission"),
        ("ERROR: No matching distribution found for uv==9 (from versions: 1, 2)", "isn't made for this machine"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "isn't what was pinned"),
        ("ReadTimeoutError: read timed out", "broke off"),
        ("ERROR: Could not find a version (from versions: none)\nERROR: No matching distribution found", "broke off"),
    ],
)
def test_pips_failures_are_explained(output: str, words: str) -> None:
    assert words in install.explain(output)


@pytest.mark.parametrize("output", ["read timed out", "No space left on device"])
def test_repeating_goes_on(output: str) -> None:
    assert "Run the same command again: it goes on" in install.explain(output)


class TestInstalling:
    """``install.main`` with a stand-in for pip."""

    @pytest.fixture
    def requirements(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(install, "STAMP", tmp_path / "installed")
        monkeypatch.setattr(install, "LOG", tmp_path / "install.log")
        file = tmp_path / "run.txt"
        file.write_text("one==1 --hash=sha256:0\ntwo==2 --hash=sha256:0\n")
        return file

    def pip(self, folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
        put(folder, "python", f"{script}\necho called >> {folder}/calls")
        monkeypatch.setattr("sys.executable", str(folder / "python"))

    def test_it_is_done_again_only_for_other_requirements(
        self, requirements: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = requirements.parent
        self.pip(folder, monkeypatch, 'echo "Collecting one==1 (from -r run.txt)"; echo "Collecting two==2"')
        assert install.main([str(requirements)]) == install.main([str(requirements)]) == 0
        assert (folder / "calls").read_text() == "called\n"
        assert install.STAMP.read_text() == hashlib.sha256(requirements.read_bytes()).hexdigest()
        assert "Packages 1/2  one\nPackages 2/2  two\n" in capsys.readouterr().out

        requirements.write_text("one==2 --hash=sha256:0\n")
        assert install.main([str(requirements)]) == 0
        assert (folder / "calls").read_text() == "called\ncalled\n"

    def test_a_failure_leaves_no_stamp(
        self, requirements: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.pip(requirements.parent, monkeypatch, 'echo "ERROR: Connection broken"; exit 1')
        assert install.main([str(requirements)]) == 1
        assert not install.STAMP.exists()
        assert "broke off" in capsys.readouterr().err

    def test_too_full_a_disk_is_noticed_first(
        self, requirements: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.pip(requirements.parent, monkeypatch, "exit 0")
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**30))
        assert install.main([str(requirements)]) == 1
        assert "needs 2 GiB of disk space; 1.0 GiB are free" in capsys.readouterr().err
        assert not (requirements.parent / "calls").exists()


def test_make_lists_every_target() -> None:
    done = subprocess.run(["make", "-C", str(layout.ROOT)], capture_output=True, text=True, env=dict(os.environ))
    targets = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("  make ")}
    wanted = "help setup run reset test lint faults docs play requirements clean"
    assert set(wanted.split()) <= targets


def test_no_requirement_file_names_a_registry() -> None:
    for file in (layout.ROOT / "requirements").glob("*.txt"):
        assert "://" not in file.read_text(), file
        assert "--hash=sha256:" in file.read_text()
