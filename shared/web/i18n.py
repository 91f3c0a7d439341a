"""What pages need of languages, at one place."""

from shared.edge.language import COOKIE, FOLDER, LANGUAGES, Catalog, catalog, language_of
from shared.texts import N_

__all__ = ["COOKIE", "FOLDER", "LANGUAGES", "N_", "Catalog", "catalog", "language_of"]
