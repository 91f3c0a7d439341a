"""Copies in a folder: which are whole, which is meant, which are too old, and what ``recover`` is summed up to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from deploy.local.__main__ import main
from deploy.local.backup import copies, making, recovering, restoring
from deploy.local.backup.copies import DATABASES, LOG
from deploy.local.layout import ROOT, Layout
from deploy.local.problems import Problem
from deploy.local.progress import Progress

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)


def make_copy(into: Path, made: datetime = NOW) -> copies.Copy:
    folder = into / copies.name_of(made)
    for part in (DATABASES, LOG):
        (folder / part).mkdir(parents=True)
        (folder / part / "file").write_text(f"{part} of {made}")
    copies.add_sums(folder)
    return copies.note(folder, made, (DATABASES, LOG))


def test_the_newest_copy_is_meant_or_the_one_that_is_named(tmp_path: Path) -> None:
    older, newer = make_copy(tmp_path, NOW - timedelta(days=1)), make_copy(tmp_path)
    (tmp_path / copies.name_of(NOW + timedelta(days=1))).mkdir()  # broken off: has no note

    assert copies.find(tmp_path) == newer
    assert copies.find(tmp_path, older.name) == older
    assert copies.find(older.folder) == older
    with pytest.raises(Problem, match=newer.name):
        copies.find(tmp_path, "yesterday")
    with pytest.raises(Problem, match="no complete backup"):
        copies.find(tmp_path / "elsewhere")


@pytest.mark.parametrize("change", ["another text", "", None])
def test_a_copy_that_was_changed_is_no_copy(tmp_path: Path, change: str | None) -> None:
    copy = make_copy(tmp_path)
    copies.check(copy)
    victim = copy.part(LOG) / "file"
    if change is None:
        victim.unlink()
    else:
        victim.write_text(change)
    with pytest.raises(Problem, match="log/file"):
        copies.check(copy)


def test_what_came_into_a_copy_later_is_noticed(tmp_path: Path) -> None:
    copy = make_copy(tmp_path)
    (copy.part(DATABASES) / "more").write_text("")
    with pytest.raises(Problem, match="databases/more"):
        copies.check(copy)


def test_copies_and_secrets_are_kept_for_so_many_days_and_nothing_else_is_touched(tmp_path: Path) -> None:
    old, kept = make_copy(tmp_path, NOW - timedelta(days=35, seconds=1)), make_copy(tmp_path, NOW - timedelta(days=35))
    (tmp_path / "holiday pictures").mkdir()
    assert copies.outdated(tmp_path, NOW, 35) == [old.folder]
    copies.remove(old.folder)
    assert copies.all_in(tmp_path) == [kept]
    assert (tmp_path / "holiday pictures").exists()


def test_copies_are_kept_as_long_as_certificates_of_erasures_say() -> None:
    assert copies.days({}) == 35
    assert copies.days({"CRM_BACKUP_DAYS": "7"}) == 7
    with pytest.raises(Problem, match="CRM_BACKUP_DAYS"):
        copies.days({"CRM_BACKUP_DAYS": "soon"})


@pytest.mark.parametrize(("into", "keys"), [("state/kept", "keys"), ("kept", "kept/keys"), ("keys/kept", "keys")])
def test_a_copy_is_neither_where_the_data_are_nor_with_its_keys(tmp_path: Path, into: str, keys: str) -> None:
    place = Layout(tmp_path / "state")
    (place.state / "postgres" / "data").mkdir(parents=True)
    with pytest.raises(Problem, match=r"outlive|apart"):
        making.make(place, making.Wish(tmp_path / into, tmp_path / keys, 35), Progress())


def test_nothing_is_backed_up_where_nothing_ran(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="nothing to back up"):
        making.make(Layout(tmp_path / "state"), making.Wish(tmp_path / "a", tmp_path / "b", 35), Progress())


def test_what_the_keys_here_don_t_open_isn_t_restored(tmp_path: Path) -> None:
    copy, place = make_copy(tmp_path / "kept"), Layout(tmp_path / "state")
    theirs = copies.apart(tmp_path / "kept") / copy.name
    for folder, keys in ((theirs, "k1:aaaa"), (place.secrets, "k1:bbbb")):
        folder.mkdir(parents=True)
        (folder / restoring.KEKS).write_text(keys)
    wish = restoring.Wish(tmp_path / "kept", dry_run=True)
    with pytest.raises(Problem, match="--keys"):
        restoring.restore(place, wish, Progress())
    (place.secrets / restoring.KEKS).write_text("k2:cccc,k1:aaaa")
    assert restoring.restore(place, wish, Progress()) == copy


def test_a_process_stands_still_and_goes_on_whatever_becomes_of_who_froze_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as frozen:
        process = psutil.Process(frozen.pid)
        with making.frozen(process):
            wait_for(process, psutil.STATUS_STOPPED)
        wait_for(process, psutil.STATUS_SLEEPING)

        code = (
            "import psutil, signal, sys\nfrom deploy.local.backup import making\n"
            "with making.frozen(psutil.Process(int(sys.argv[1]))):\n    print('frozen', flush=True)\n    signal.pause()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(frozen.pid)], stdout=subprocess.PIPE, cwd=ROOT
        ) as freezing:
            assert freezing.stdout is not None
            assert freezing.stdout.readline() == b"frozen\n"
            wait_for(process, psutil.STATUS_STOPPED)
            os.kill(freezing.pid, signal.SIGKILL)
        wait_for(process, psutil.STATUS_SLEEPING)
        frozen.kill()


def wait_for(process: psutil.Process, status: str) -> None:
    end = time.monotonic() + 10
    while process.status() != status:
        assert time.monotonic() < end, f"it's {process.status()}, not {status}"
        time.sleep(0.01)


def test_what_recover_says_is_summed_up() -> None:
    said = (
        "missing here\tcustomer/1\t4\torder.placed\t2026-03-03T12:00:00+00:00\tid1\n"
        "missing here\tcustomer/1\t5\torder.placed\t2026-03-03T12:00:00+00:00\tid2\n"
        "missing here\tcustomer/2\t1\torder.refused\t2026-03-03T12:00:00+00:00\tid3\n"
        "lost by the log\tcustomer/3\t7, 8\n"
        '{"event": "a line of the log"}\n'
        "audit log\tpositions 3 to 9 aren't as they were anchored\n"
        "nothing was changed; run it again with --apply\n"
    )
    found = recovering.read("sfa", 0, said)
    assert found.missing == Counter({"order.placed": 2, "order.refused": 1})
    assert found.lost == 2
    assert found.other == ["audit log\tpositions 3 to 9 aren't as they were anchored"]


def test_a_folder_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["backup", ""])
    assert "make backup TO=" in capsys.readouterr().err
