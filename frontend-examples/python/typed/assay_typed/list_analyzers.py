from .base_model import BaseModel


class ListAnalyzers(BaseModel):
    analyzers: list["ListAnalyzersAnalyzers"]


class ListAnalyzersAnalyzers(BaseModel):
    name: str
    description: str


ListAnalyzers.model_rebuild()
