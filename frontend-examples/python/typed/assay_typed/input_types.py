from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .enums import TextOperation


class AnalysisRequest(BaseModel):
    """What is to be analyzed, and by which analyzer: exactly one field is set. Each analyzer adds its own."""

    text: Optional["TextRequest"] = None
    "Statistics, readability, language, sentiment, keywords, topics, entities and summary of a text."


class SubmitAnalysisInput(BaseModel):
    """One analysis to run."""

    request: "AnalysisRequest"
    "What is to be analyzed."
    priority: Optional[int] = 5
    "From 1 (last) to 10 (first). A null stands for the default."
    timeout_seconds: Optional[int] = Field(alias="timeoutSeconds", default=300)
    "The longest that one try may take, in seconds: 1 to 86,400."
    max_attempts: Optional[int] = Field(alias="maxAttempts", default=3)
    "How often each analysis is tried where another try could end differently: 1 to 10."
    wait_seconds: Optional[float] = Field(alias="waitSeconds", default=0)
    "Answer when the analysis has ended, or after this many seconds, whichever is first; 0 answers at once. At most 60."
    idempotency_key: Optional[str] = Field(alias="idempotencyKey", default=None)
    "1 to 200 characters. The same key with the same input, within a day, answers with the first call's analysis and starts nothing; with another input it is refused."


class TextRequest(BaseModel):
    """A text to analyze, and what is wanted of it."""

    text: str
    "The text, plain: 1 to 1,000,000 characters (Unicode code points), not all of them white space, none of them U+0000."
    operations: Optional[list[TextOperation]] = Field(
        default_factory=lambda: [
            TextOperation.STATISTICS,
            TextOperation.LANGUAGE,
            TextOperation.SENTIMENT,
            TextOperation.KEYWORDS,
        ]
    )
    "What to find out. Null means the default; what is given twice is done once."
    language: Optional[str] = None
    "The text's language by its ISO 639-1 code, to go by; detected where it is null."


AnalysisRequest.model_rebuild()
SubmitAnalysisInput.model_rebuild()
