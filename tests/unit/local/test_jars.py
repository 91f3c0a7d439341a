"""Kafka's jars are exactly the pinned ones, and a broken download can be repeated."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest
import requests
from jgo.maven import Artifact

from deploy.local import jars
from deploy.local.problems import Problem

CONTENT = {"one": b"first jar", "two": b"second jar"}


@pytest.fixture
def downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two pinned jars and a network that has them. Gives the names in the order of their downloads."""
    lines = [f"org.example:{name}:1.0 {hashlib.sha256(text).hexdigest()}\n" for name, text in CONTENT.items()]
    lock = tmp_path / "kafka.jars"
    lock.write_text("".join(lines))
    monkeypatch.setattr(jars, "LOCK", lock)
    names: list[str] = []

    def resolve(artifact: Artifact) -> Path:
        names.append(artifact.artifactId)
        return _put(artifact, CONTENT[artifact.artifactId])

    monkeypatch.setattr(Artifact, "resolve", resolve)
    return names


def _put(artifact: Artifact, content: bytes) -> Path:
    path = Path(str(artifact.cached_path))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_what_is_pinned_is_fetched_once(tmp_path: Path, downloaded: list[str]) -> None:
    assert not jars.are_here(tmp_path)
    paths = jars.fetch(tmp_path)
    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    assert jars.are_here(tmp_path)
    assert jars.fetch(tmp_path) == paths
    assert sorted(downloaded) == ["one", "two"]


def test_only_what_is_missing_or_damaged_is_fetched_again(tmp_path: Path, downloaded: list[str]) -> None:
    first, _ = jars.fetch(tmp_path)
    downloaded.clear()
    first.write_bytes(b"half a j")
    assert jars.fetch(tmp_path)[0].read_bytes() == CONTENT["one"]
    assert downloaded == ["one"]


def test_progress_is_told(tmp_path: Path, downloaded: list[str]) -> None:
    told: list[tuple[int, int]] = []
    jars.fetch(tmp_path, lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.ConnectionError("connection reset"), "broke off: connection reset"),
        (requests.exceptions.ChunkedEncodingError("2 bytes read, 9 more expected"), "2 bytes read"),
        (RuntimeError("not found in remote repositories"), "not found"),
        (OSError(errno.ENOSPC, "No space left on device"), "Not enough disk space"),
    ],
)
def test_a_download_that_breaks_off_says_what_to_do(
    tmp_path: Path, downloaded: list[str], monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    healthy = Artifact.resolve

    def break_off(artifact: Artifact) -> Path:
        if artifact.artifactId == "two":
            _put(artifact, b"half of ")
            raise error
        return Path(healthy(artifact))

    monkeypatch.setattr(Artifact, "resolve", break_off)
    with pytest.raises(Problem) as raised:
        jars.fetch(tmp_path)
    assert words in str(raised.value)

    downloaded.clear()
    monkeypatch.setattr(Artifact, "resolve", healthy)
    jars.fetch(tmp_path)
    assert downloaded == ["two"]


def test_another_file_than_the_pinned_one_is_refused(
    tmp_path: Path, downloaded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Artifact, "resolve", lambda artifact: _put(artifact, b"something else"))
    with pytest.raises(Problem, match="isn't the one that was pinned"):
        jars.fetch(tmp_path)
    assert not jars.are_here(tmp_path)


def test_every_jar_of_the_checkout_is_pinned_once() -> None:
    locked = jars.locked()
    assert len({(jar.group, jar.artifact) for jar in locked}) == len(locked) > 40
    assert {jar.version for jar in locked if jar.group == "org.apache.kafka"} == {jars.KAFKA_VERSION}
    assert all(len(jar.sha256) == 64 for jar in locked)
