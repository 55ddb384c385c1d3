"""Groups of similar errors: of all analyses, of a filter, or of one batch."""

from __future__ import annotations

from collections.abc import Sequence

from execution.errors import ClientError, ErrorCode
from resolvers.context import Context
from resolvers.filters import require_analyses
from store.analyses import page_of_analyses
from store.error_groups import ErrorGroup
from store.error_groups import error_groups as read_groups
from store.filters import AnalysisFilter
from store.sql.paging import PageArguments
from store.tables import AnalysisRow

MAX_GROUPS = 100
EXAMPLES = 3


async def error_groups(context: Context, where: AnalysisFilter, first: int) -> list[ErrorGroup]:
    """Return the groups under the filter, largest first. Raise ClientError for arguments out of bounds."""
    where = require_analyses(where)
    if not 0 <= first <= MAX_GROUPS:
        message = f"`first` is {first}: it must be from 0 to {MAX_GROUPS}."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="first")
    async with context.services.database.read() as connection:
        return await read_groups(connection, context.viewer, where, first)


async def examples(context: Context, group: ErrorGroup) -> Sequence[AnalysisRow]:
    """Return the newest analyses of the group."""
    database = context.services.database
    page = await page_of_analyses(database, context.viewer, group.where, PageArguments(EXAMPLES))
    return page.rows
