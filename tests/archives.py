"""Archives, unpacked with every Python that the project runs on."""

from __future__ import annotations

import tarfile
from pathlib import Path


def extract(archive: tarfile.TarFile, to: Path) -> None:
    """Unpack it into a folder, and nothing out of that."""
    # As an attribute, since not all of Python 3.11 has it as an argument.
    archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
    archive.extractall(to)
