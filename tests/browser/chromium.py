"""A real Chromium, out of a package of npm: unpacked once into build/, with the libraries and fonts that a bare machine
lacks."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

from deploy.assets.__main__ import ROOT, environ, node
from tests.archives import extract

PACKED = ROOT / "node_modules" / "@sparticuz" / "chromium" / "bin"
FOLDER = ROOT / "build" / "chromium"
UNPACK = """
const fs = require("fs");
const [from, to] = process.argv.slice(1);
fs.writeFileSync(to, require("zlib").brotliDecompressSync(fs.readFileSync(from)));
"""
ARGUMENTS = [
    *(["--no-sandbox"] if os.geteuid() == 0 else []),  # which root can't have
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
]


def installed() -> tuple[Path, dict[str, str]]:
    """The program, and the environment that it is to be started in. Playwright runs with the project's own Node from
    then on: the one that it brings needs a library that a bare machine lacks."""
    os.environ["PLAYWRIGHT_NODEJS_PATH"] = node()[0]
    program = FOLDER / "chromium"
    if not (FOLDER / "unpacked").exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        _unpack(PACKED / "chromium.br", program)
        program.chmod(0o755)
        for name in ("al2023", "fonts", "swiftshader"):
            archive = FOLDER / f"{name}.tar"
            _unpack(PACKED / f"{name}.tar.br", archive)
            with tarfile.open(archive) as tar:
                extract(tar, FOLDER if name == "swiftshader" else FOLDER / name)
            archive.unlink()
        (FOLDER / "fonts" / "fonts.conf").write_text(_fonts(FOLDER / "fonts"), encoding="utf-8")
        (FOLDER / "unpacked").touch()
    libraries = os.pathsep.join(filter(None, [os.environ.get("LD_LIBRARY_PATH"), str(FOLDER / "al2023" / "lib")]))
    fonts = str(FOLDER / "fonts" / "fonts.conf")
    return program, {**os.environ, "LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": fonts}


def _unpack(packed: Path, to: Path) -> None:
    subprocess.run(node("-e", UNPACK, str(packed), str(to)), env=environ(), check=True)


def _fonts(folder: Path) -> str:
    # The same letters on every machine, so that pictures differ only where pages do.
    return (
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>{folder}</dir><cachedir>{folder / 'cache'}</cachedir></fontconfig>"
    )
