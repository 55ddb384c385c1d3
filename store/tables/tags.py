"""Tags of results."""

from __future__ import annotations

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from store.sql.columns import Key


class AnalysisTagRow(SQLModel, table=True):
    """One tag of a completed analysis, for the filter of lists: see `store.queue.tags`."""

    __tablename__ = "analysis_tag"
    # On SQLite the primary key is the table: it takes half of the space.
    __table_args__ = {"sqlite_with_rowid": False}

    workspace: str = Field(sa_column=Column(Key, primary_key=True))
    tag: str = Field(sa_column=Column(Key, primary_key=True))
    analysis_id: str = Field(sa_column=Column(Key, primary_key=True))


analysis_tag = AnalysisTagRow.__table__  # type: ignore[attr-defined]

Index("analysis_tag_analysis", analysis_tag.c.analysis_id)
