from datetime import datetime
from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .enums import AnalysisStatus, UserErrorCode


class Submit(BaseModel):
    submit_analysis: "SubmitSubmitAnalysis" = Field(alias="submitAnalysis")


class SubmitSubmitAnalysis(BaseModel):
    analysis: Optional["SubmitSubmitAnalysisAnalysis"]
    user_errors: list["SubmitSubmitAnalysisUserErrors"] = Field(alias="userErrors")


class SubmitSubmitAnalysisAnalysis(BaseModel):
    id: str
    status: AnalysisStatus
    created_at: datetime = Field(alias="createdAt")


class SubmitSubmitAnalysisUserErrors(BaseModel):
    code: UserErrorCode
    message: str
    path: Optional[list[str]]


Submit.model_rebuild()
SubmitSubmitAnalysis.model_rebuild()
