"""Kafka's jars: which ones, with their digests, in ``kafka.jars``; fetched by jgo.

``python -m deploy.local.jars`` (part of ``make requirements``) resolves them anew and rewrites that file.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import requests
from jgo.config import GlobalSettings
from jgo.maven import MavenContext
from jgo.parse import Coordinate

from deploy.local.problems import Problem, broken_download, from_os_error

KAFKA_VERSION = "4.3.0"
LOCK = Path(__file__).with_name("kafka.jars")
BROKER = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
"""Carries the broker's messages to its log. What it needs itself comes with the broker."""

TIMEOUT_SECONDS = 60
AT_ONCE = 6


@dataclass(frozen=True)
class Jar:
    """One pinned jar: Maven coordinates and the SHA-256 of the file."""

    group: str
    artifact: str
    version: str
    sha256: str


def locked(file: Path | None = None) -> list[Jar]:
    """The jars that a file pins; without one, Kafka's."""
    found = []
    for line in (file or LOCK).read_text().splitlines():
        coordinates, sha256 = line.split()
        group, artifact, version = coordinates.split(":")
        found.append(Jar(group, artifact, version, sha256))
    return found


def are_here(folder: Path) -> bool:
    """Whether ``fetch`` has nothing to download."""
    context = _context(folder)
    return all(_is_good(_path(context, jar), jar) for jar in locked())


def fetch(
    folder: Path, progress: Callable[[int, int], None] = lambda done, total: None, file: Path | None = None
) -> list[Path]:
    """The files of the jars that ``file`` pins (without one, Kafka's), each with the right digest. What is missing is
    downloaded into ``folder``.

    ``progress`` is told how many of how many are there. Raises ``Problem`` when a download fails; the
    next call goes on with what is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _fetch(folder, progress, locked(file))


def _fetch(folder: Path, progress: Callable[[int, int], None], jars: list[Jar]) -> list[Path]:
    context = _context(folder)
    paths = {jar: path for jar in jars if _is_good(path := _path(context, jar), jar)}
    progress(len(paths), len(jars))
    missing = [jar for jar in jars if jar not in paths]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        downloads = {pool.submit(_download, context, jar): jar for jar in missing}
        try:
            for download in as_completed(downloads):
                paths[downloads[download]] = download.result()
                progress(len(paths), len(jars))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return [paths[jar] for jar in jars]


def _context(folder: Path) -> MavenContext:
    logging.getLogger("jgo").setLevel(logging.ERROR)
    context = MavenContext(repo_cache=folder, timeout=TIMEOUT_SECONDS)
    # A mirror that the user's jgo.conf names "central" is asked instead of the original.
    context.remote_repos.update(GlobalSettings.load().repositories)
    return context


def _path(context: MavenContext, jar: Jar) -> Path:
    path = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().cached_path
    assert path is not None
    return Path(path)


def _is_good(path: Path, jar: Jar) -> bool:
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def _download(context: MavenContext, jar: Jar) -> Path:
    path = _path(context, jar)
    try:
        path.unlink(missing_ok=True)
        context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except (requests.RequestException, RuntimeError) as error:
        path.unlink(missing_ok=True)
        raise broken_download(f"a jar ({path.name})", error) from error
    except OSError as error:
        raise from_os_error(error, path) or error from error
    if not _is_good(path, jar):
        path.unlink(missing_ok=True)
        raise broken_download(f"a jar ({path.name})", Problem("the file isn't the one that was pinned"))
    return path


def relock(folder: Path, root: str = BROKER, beside: str = LOG_BINDING, file: Path | None = None) -> None:
    """Resolve ``root`` with all that it needs, and write the coordinates and digests of that and of ``beside``."""
    context = _context(folder)
    main, alone = (context.create_dependency(_compiled(each)) for each in (root, beside))
    roots, others = context.resolver.resolve([main])
    needed = [dependency for dependency in others if dependency.scope in ("compile", "runtime")]
    lines = []
    for artifact in (dependency.artifact for dependency in (*roots, *needed, alone)):
        digest = hashlib.sha256(Path(artifact.resolve()).read_bytes()).hexdigest()
        lines.append(f"{artifact.groupId}:{artifact.artifactId}:{artifact.version} {digest}\n")
    (file or LOCK).write_text("".join(sorted(lines)))


def _compiled(coordinates: str) -> Coordinate:
    return replace(Coordinate.parse(coordinates), scope="compile")


if __name__ == "__main__":
    from deploy.local.layout import downloads

    relock(downloads())
