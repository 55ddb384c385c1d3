from .async_base_client import AsyncBaseClient
from .base_model import BaseModel, Upload
from .client import Client
from .enums import (
    AnalysisStatus,
    TextFormat,
    TextOperation,
    TextSentimentLabel,
    UserErrorCode,
)
from .exceptions import (
    GraphQLClientError,
    GraphQLClientGraphQLError,
    GraphQLClientGraphQLMultiError,
    GraphQLClientHttpError,
    GraphQLClientInvalidResponseError,
)
from .input_types import AnalysisRequest, SubmitAnalysisInput, TextRequest
from .list_analyzers import ListAnalyzers, ListAnalyzersAnalyzers
from .result import (
    Result,
    ResultAnalysis,
    ResultAnalysisResultAnalysisResult,
    ResultAnalysisResultTextResult,
    ResultAnalysisResultTextResultKeywords,
    ResultAnalysisResultTextResultSentiment,
)
from .submit import (
    Submit,
    SubmitSubmitAnalysis,
    SubmitSubmitAnalysisAnalysis,
    SubmitSubmitAnalysisUserErrors,
)
from .watch import Watch, WatchAnalysis, WatchAnalysisProgress

__all__ = [
    "AnalysisRequest",
    "AnalysisStatus",
    "AsyncBaseClient",
    "BaseModel",
    "Client",
    "GraphQLClientError",
    "GraphQLClientGraphQLError",
    "GraphQLClientGraphQLMultiError",
    "GraphQLClientHttpError",
    "GraphQLClientInvalidResponseError",
    "ListAnalyzers",
    "ListAnalyzersAnalyzers",
    "Result",
    "ResultAnalysis",
    "ResultAnalysisResultAnalysisResult",
    "ResultAnalysisResultTextResult",
    "ResultAnalysisResultTextResultKeywords",
    "ResultAnalysisResultTextResultSentiment",
    "Submit",
    "SubmitAnalysisInput",
    "SubmitSubmitAnalysis",
    "SubmitSubmitAnalysisAnalysis",
    "SubmitSubmitAnalysisUserErrors",
    "TextFormat",
    "TextOperation",
    "TextRequest",
    "TextSentimentLabel",
    "Upload",
    "UserErrorCode",
    "Watch",
    "WatchAnalysis",
    "WatchAnalysisProgress",
]
