from typing import Optional

from .base_model import BaseModel
from .enums import AnalysisStatus


class Watch(BaseModel):
    analysis: "WatchAnalysis"


class WatchAnalysis(BaseModel):
    status: AnalysisStatus
    progress: "WatchAnalysisProgress"


class WatchAnalysisProgress(BaseModel):
    fraction: float
    step: Optional[str]


Watch.model_rebuild()
WatchAnalysis.model_rebuild()
