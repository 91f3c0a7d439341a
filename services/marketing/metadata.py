"""Where marketing's tables are registered, beside those of the pipeline."""

from sqlalchemy import MetaData

metadata = MetaData()
