from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .enums import TextFormat, TextOperation


class AnalysisRequest(BaseModel):
    """Selects the analyzer and carries its input. Exactly one field must be set. Each analyzer adds its own field."""

    text: Optional["TextRequest"] = None
    "Statistics, readability, language, sentiment, keywords, topics, entities and summary of a text."


class SubmitAnalysisInput(BaseModel):
    """Input of submitAnalysis."""

    request: "AnalysisRequest"
    "Analyzer and input."
    priority: Optional[int] = 5
    "Priority, from 1 (lowest) to 10 (highest). Null means 5."
    timeout_seconds: Optional[int] = Field(alias="timeoutSeconds", default=300)
    "Maximum duration of one attempt in seconds: 1 to 86,400. Null means 300."
    max_attempts: Optional[int] = Field(alias="maxAttempts", default=3)
    "Maximum number of attempts: 1 to 10. Only retryable errors lead to another attempt. Null means 3."
    wait_seconds: Optional[float] = Field(alias="waitSeconds", default=0)
    "Seconds to wait for the analysis to end before the mutation returns, at most 60. 0 returns immediately. Null means 0."
    idempotency_key: Optional[str] = Field(alias="idempotencyKey", default=None)
    "Idempotency key, 1 to 200 characters, without control characters. Within one day, the same key with the same input returns the first call's analysis and starts no work; with different input the request is rejected."


class TextRequest(BaseModel):
    """Input of the text analyzer."""

    text: str
    "Plain text: 1 to 1,000,000 characters (Unicode code points), not all of them white space, none of them U+0000."
    operations: Optional[list[TextOperation]] = Field(
        default_factory=lambda: [
            TextOperation.STATISTICS,
            TextOperation.LANGUAGE,
            TextOperation.SENTIMENT,
            TextOperation.KEYWORDS,
        ]
    )
    "Operations to run, 1 to 100 entries. A repeated operation runs once. Null means the default."
    language: Optional[str] = None
    "Language of the text as an ISO 639-1 code. Detected if omitted."
    format: Optional[TextFormat] = TextFormat.AUTO
    "Format of the text. Marks of the format are not analyzed. Null means AUTO."


AnalysisRequest.model_rebuild()
SubmitAnalysisInput.model_rebuild()
