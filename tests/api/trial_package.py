"""The source of a package of analyzers that the tests build and install. It imports only `analyzers.base`."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, field_validator

from analyzers.base import AnalysisFailure, Analyzer, Choice, Job, Request, Result


class SurveyMode(Choice):
    """The figure to compute."""

    MEAN = "MEAN", "The mean of the readings."
    TOTAL = "TOTAL", "Their sum."


class SurveyScale(BaseModel):
    """The scale of the readings."""

    factor: float = Field(default=1, gt=0, description="The factor of each reading.")
    offset_by: int = Field(default=0, description="The number added to each reading.")


class SurveyReading(BaseModel):
    """One reading."""

    at_station: str = Field(min_length=1, description="The station of the reading.")
    value: float = Field(ge=-1000, le=1000, description="The value of the reading.")

    @field_validator("at_station")
    @classmethod
    def _is_a_place(cls, at_station: str) -> str:
        if not at_station.isprintable():
            raise ValueError(f"There is no station {at_station}.")
        return at_station


class SurveyRequest(Request):
    """Readings to compute with."""

    data: list[SurveyReading] = Field(min_length=1, max_length=100, description="1 to 100 readings.")
    mode: SurveyMode = Field(default=SurveyMode.MEAN, description="The figure to compute.")
    scale: SurveyScale = Field(default=SurveyScale(), description="The scale of the readings.")
    sha256sum: bool = Field(default=False, description="A name with digits.")
    since: datetime | None = Field(default=None, description="When the readings began.")


class SurveyPlace(BaseModel):
    """The result of one station."""

    at_station: str = Field(description="The station.")
    weighed: float = Field(description="The scaled reading.")


class SurveyResult(Result):
    """The result of a survey."""

    mode: SurveyMode = Field(description="The kind of the figure.")
    figure: float = Field(description="The figure.", json_schema_extra={"x-assay": {"kind": "share", "unit": "%"}})
    best_place: SurveyPlace | None = Field(description="The station with the highest reading.")
    places: list[SurveyPlace] = Field(description="All stations, at most 100.")
    since: datetime | None = Field(default=None, description="When the readings began.")


def survey(request: SurveyRequest, job: Job) -> SurveyResult:
    """Scale the readings and compute the figure."""
    scale = request.scale
    places = [
        SurveyPlace(at_station=each.at_station, weighed=each.value * scale.factor + scale.offset_by)
        for each in request.data
    ]
    total = sum(place.weighed for place in places)
    return SurveyResult(
        score=0.5,
        tags=["survey"],
        summary=f"{len(places)} readings.",
        mode=request.mode,
        figure=total if request.mode is SurveyMode.TOTAL else total / len(places),
        best_place=max(places, key=lambda place: place.weighed),
        places=places,
        since=request.since,
    )


class RecordRequest(Request):
    """Any JSON."""

    data: Any = Field(description="Any JSON value.")
    extra: dict[str, Any] | None = Field(default=None, description="Any JSON object.")


class RecordResult(Result):
    """The given JSON."""

    document: Any = Field(description="The given value.")
    extra: dict[str, Any] | None = Field(default=None, description="The given object.")


def record(request: RecordRequest, job: Job) -> RecordResult:
    """Return the given JSON."""
    return RecordResult(summary="A record.", document=request.data, extra=request.extra)


class TrialRequest(Request):
    """A text, and the course of its analysis."""

    text: str = Field(min_length=1, max_length=1000, description="Any text.")
    until: str | None = Field(default=None, description="A file. The analysis computes until the file exists.")
    failures: int = Field(default=0, description="The number of attempts that fail with a retryable error.")
    folder: str | None = Field(default=None, description="A folder in which each attempt creates a file.")
    steps: int = Field(default=0, description="The number of progress reports.")
    refused: bool = Field(default=False, description="Whether the analysis fails with an error that is not retryable.")


class TrialResult(Result):
    """The result of a trial."""

    tries: int = Field(description="The number of the attempt, from 1.")


def trial(request: TrialRequest, job: Job) -> TrialResult:
    """Run as the request describes."""
    tries = 1
    if request.folder is not None:
        tries += len(list(Path(request.folder).iterdir()))
        (Path(request.folder) / str(tries)).touch()
    for step in range(request.steps):
        job.progress((step + 1) / (request.steps + 1), f"step {step + 1} of {request.steps}")
        time.sleep(0.3)
    while request.until is not None and not Path(request.until).exists():
        pass
    if request.refused:
        raise AnalysisFailure("INPUT_UNREADABLE", "It can't be read.")
    if tries <= request.failures:
        raise AnalysisFailure("ANALYZER_FAILED", f"Try {tries} fails.", retryable=True)
    return TrialResult(summary=request.text, tries=tries)


SURVEY = Analyzer(
    name="survey",
    version="7",
    description="Computes with readings.",
    request=SurveyRequest,
    result=SurveyResult,
    run=survey,
    score_meaning="Always a half.",
    memory_limit_mb=512,
)
RECORD = Analyzer(
    name="record",
    version="1",
    description="Gives JSON back.",
    request=RecordRequest,
    result=RecordResult,
    run=record,
    memory_limit_mb=512,
)
TRIAL = Analyzer(
    name="trial",
    version="1",
    description="Runs as the request describes.",
    request=TrialRequest,
    result=TrialResult,
    run=trial,
    memory_limit_mb=512,
)
