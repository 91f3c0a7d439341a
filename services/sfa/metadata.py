"""Where the tables of sales force automation are registered, beside those of the pipeline."""

from sqlalchemy import MetaData

metadata = MetaData()
