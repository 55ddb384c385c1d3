"""The Python client of Assay: submit, wait, read typed results, follow events.

    from assay_client import Client

    with Client("http://127.0.0.1:8000") as client:
        analysis = client.analyze("I love it. It works like a charm.")
        print(analysis.result)

`Client` blocks, and `AsyncClient` runs on asyncio. Both have the same methods. `assay_client.models` has the API's
types, and `assay_client.errors` the exceptions.
"""

from assay_client._client import AsyncClient
from assay_client._given import Item
from assay_client._plain import Client
from assay_client.errors import (
    AnalysisFailed,
    AssayError,
    HistoryGone,
    NotAllowed,
    NotFound,
    OperationFailed,
    ServerUnreachable,
    UnexpectedAnswer,
    UserErrors,
)
from assay_client.models import (
    AlertEvent,
    Analysis,
    AnalysisEvent,
    AnalysisResult,
    AnalysisStatus,
    Batch,
    BatchEvent,
    BatchStatus,
    Event,
    EventType,
    TextOperation,
    TextRequest,
    TextResult,
)

__all__ = [
    "AlertEvent",
    "Analysis",
    "AnalysisEvent",
    "AnalysisFailed",
    "AnalysisResult",
    "AnalysisStatus",
    "AssayError",
    "AsyncClient",
    "Batch",
    "BatchEvent",
    "BatchStatus",
    "Client",
    "Event",
    "EventType",
    "HistoryGone",
    "Item",
    "NotAllowed",
    "NotFound",
    "OperationFailed",
    "ServerUnreachable",
    "TextOperation",
    "TextRequest",
    "TextResult",
    "UnexpectedAnswer",
    "UserErrors",
]
