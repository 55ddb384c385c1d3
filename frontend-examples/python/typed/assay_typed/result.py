from typing import Annotated, Literal, Optional, Union

from pydantic import Field

from .base_model import BaseModel
from .enums import TextSentimentLabel


class Result(BaseModel):
    analysis: Optional["ResultAnalysis"]


class ResultAnalysis(BaseModel):
    result: Optional[
        Annotated[
            Union[
                "ResultAnalysisResultAnalysisResult", "ResultAnalysisResultTextResult"
            ],
            Field(discriminator="typename__"),
        ]
    ]


class ResultAnalysisResultAnalysisResult(BaseModel):
    typename__: Literal["AnalysisResult", "UntypedResult"] = Field(alias="__typename")
    summary: str


class ResultAnalysisResultTextResult(BaseModel):
    typename__: Literal["TextResult"] = Field(alias="__typename")
    summary: str
    sentiment: Optional["ResultAnalysisResultTextResultSentiment"]
    keywords: Optional[list["ResultAnalysisResultTextResultKeywords"]]


class ResultAnalysisResultTextResultSentiment(BaseModel):
    label: TextSentimentLabel
    score: float


class ResultAnalysisResultTextResultKeywords(BaseModel):
    text: str
    score: float


Result.model_rebuild()
ResultAnalysis.model_rebuild()
ResultAnalysisResultTextResult.model_rebuild()
