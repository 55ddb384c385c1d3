"""The API's own types. Made by client/generate.py of schema/schema.graphql: not to be changed by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import msgspec

from assay_client._base import Name, Request, Shape, narrow_result


class AnalysisResult(Shape, frozen=True):
    """Fields common to all results. Each analyzer adds its own type that implements this interface (TextResult, …)."""

    typename: str = msgspec.field(name="__typename")
    """The type's name."""

    score: float | None
    """Main score of the analyzer, from 0 to 1. Analyzer.scoreMeaning defines the meaning."""

    tags: list[str]
    """Short lower-case labels, most relevant first."""

    summary: str
    """One-sentence summary of the result."""

    data: Any
    """Complete result as JSON, for clients without support for the concrete type."""


class EventType(Name):
    """Type of an event."""

    ANALYSIS_QUEUED = "ANALYSIS_QUEUED"
    """An analysis was submitted, retried by a user, or returned to the queue unharmed by its worker."""

    ANALYSIS_STARTED = "ANALYSIS_STARTED"
    """A worker started an attempt of an analysis."""

    ANALYSIS_PROGRESS = "ANALYSIS_PROGRESS"
    """A running analysis reported progress."""

    ANALYSIS_RETRYING = "ANALYSIS_RETRYING"
    """
    An attempt failed with a retryable error, and the analysis waits for the next attempt. `AnalysisEvent.error`
    holds the error.
    """

    ANALYSIS_COMPLETED = "ANALYSIS_COMPLETED"
    """An analysis ended with a result."""

    ANALYSIS_FAILED = "ANALYSIS_FAILED"
    """An analysis ended with an error."""

    ANALYSIS_CANCELED = "ANALYSIS_CANCELED"
    """An analysis was canceled."""

    ANALYSIS_TIMED_OUT = "ANALYSIS_TIMED_OUT"
    """An analysis timed out."""

    BATCH_STARTED = "BATCH_STARTED"
    """The first item of a batch started."""

    BATCH_PROGRESS = "BATCH_PROGRESS"
    """Items of a batch ended. Sent at most four times a second."""

    BATCH_COMPLETED = "BATCH_COMPLETED"
    """Every item of a batch has ended."""

    BATCH_CANCELED = "BATCH_CANCELED"
    """A batch was canceled, and every item has ended."""

    BATCH_TIMED_OUT = "BATCH_TIMED_OUT"
    """A batch timed out, and every item has ended."""


class Event(Shape, frozen=True):
    """An entry of the event log. The log is durable and ordered, so a disconnected subscriber can catch up."""

    typename: str = msgspec.field(name="__typename")
    """The type's name."""

    cursor: str
    """Position in the event log. Pass as `after` to resume after this event."""

    type: EventType
    """Type of the event."""

    occurred_at: datetime
    """Time of the event."""

    subject_id: str
    """Id of the object that the event is about."""


class Analyzer(Shape, frozen=True):
    """An analyzer installed on this server."""

    id: str
    """Global id, `analyzer_` followed by the name."""

    name: str
    """Name of the analyzer's field in AnalysisRequest: "text", "image"."""

    description: str
    """Description of the computation."""

    version: str
    """Version. Changes whenever the same input would give a different result."""

    score_meaning: str | None
    """Meaning of AnalysisResult.score. Null if the analyzer gives no score."""

    media_types: list[str]
    """Accepted media types. Empty if the analyzer takes no file."""

    options_schema: Any
    """JSON Schema of the options."""

    result_type_name: str
    """Name of the result type, an implementation of AnalysisResult."""


class AnalysisStatus(Name):
    """State of an analysis."""

    QUEUED = "QUEUED"
    """Waiting for a worker, for the first attempt or for a retry."""

    RUNNING = "RUNNING"
    """Claimed by a worker."""

    COMPLETED = "COMPLETED"
    """Ended with a result."""

    FAILED = "FAILED"
    """Ended with an error after the last permitted attempt."""

    CANCELED = "CANCELED"
    """Ended by a cancel request."""

    TIMED_OUT = "TIMED_OUT"
    """Ended by the timeout of the analysis or of its batch."""


class AnalyzerReference(Shape, frozen=True):
    """Names a thing of the type Analyzer."""

    id: str
    """Global id, `analyzer_` followed by the name."""

    name: str
    """Name of the analyzer's field in AnalysisRequest: "text", "image"."""


class AnalysisErrorCode(Name):
    """Kind of analysis error."""

    INPUT_UNREADABLE = "INPUT_UNREADABLE"
    """The input is empty, malformed or unreadable."""

    INPUT_TOO_LARGE = "INPUT_TOO_LARGE"
    """The input, or its result, exceeds the analyzer's limits."""

    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    """No analyzer on this server reads the format, or the installation lacks a required package."""

    ANALYZER_FAILED = "ANALYZER_FAILED"
    """The analyzer raised an error. The message names the error."""

    WORKER_LOST = "WORKER_LOST"
    """The process running the analysis was lost in every attempt."""

    MEMORY_EXCEEDED = "MEMORY_EXCEEDED"
    """The analysis exceeded its analyzer's memory limit."""

    TIMED_OUT = "TIMED_OUT"
    """The timeout of the analysis or of its batch expired."""

    CANCELED = "CANCELED"
    """The analysis was canceled."""


class AnalysisError(Shape, frozen=True):
    """Reason for an analysis to end without a result."""

    code: AnalysisErrorCode
    """Kind of error."""

    message: str
    """One-sentence description of the error."""

    retryable: bool
    """Whether another attempt could succeed."""


class Progress(Shape, frozen=True):
    """Progress of an analysis or a batch."""

    fraction: float
    """Completed share, from 0 to 1. Never decreases within one attempt."""

    step: str | None
    """Human-readable description of the current step: "extracting page 12 of 40"."""

    eta_seconds: float | None
    """Estimated seconds until the end. Null until there is enough data for an estimate."""


class BatchReference(Shape, frozen=True):
    """Names a thing of the type Batch."""

    id: str
    """Global id, `batch_…`."""

    name: str | None
    """Name chosen by the caller."""


class Analysis(Shape, frozen=True):
    """One unit of work: an input, the analyzer that reads it, and the result."""

    id: str
    """Global id, `analysis_…`."""

    key: str | None
    """Key chosen by the caller. Unique within the batch. Null for a single submission."""

    status: AnalysisStatus
    """Current state."""

    priority: int
    """Priority, from 1 (lowest) to 10 (highest)."""

    input_text: str | None
    """Input text, always complete. Null if the analyzer takes no text, or if the server rejected the text."""

    attempt: int
    """Number of the current or last attempt, from 1; 0 before the first attempt."""

    max_attempts: int
    """Maximum number of attempts. Only retryable errors lead to another attempt."""

    created_at: datetime
    """Time of submission."""

    updated_at: datetime
    """Time of the last change."""

    started_at: datetime | None
    """Start of the last attempt. Null before the first attempt."""

    finished_at: datetime | None
    """Time of the end. Null until the analysis ends."""

    processing_time_ms: float | None
    """Duration of the last attempt, in milliseconds. Null before the end of the first attempt."""

    analyzer: AnalyzerReference
    """Analyzer that reads the input."""

    input_data: Any
    """Input value as JSON. Null if the analyzer takes a text, or if the server rejected the value."""

    options: Any
    """Options used for the run, including defaults."""

    result: AnalysisResult | None
    """Result. Null until the analysis completes."""

    error: AnalysisError | None
    """Error. Null unless the analysis failed, timed out or was canceled."""

    progress: Progress
    """Progress of the current attempt."""

    batch: BatchReference | None
    """Batch of the analysis. Null for a single submission."""

    @property
    def ended(self) -> bool:
        """Whether it has ended, whatever its end."""
        return self.finished_at is not None

    def __post_init__(self) -> None:
        narrow_result(self, RESULTS)


class BatchStatus(Name):
    """State of a batch."""

    QUEUED = "QUEUED"
    """No item has started."""

    RUNNING = "RUNNING"
    """At least one item has started, and not all have ended."""

    COMPLETED = "COMPLETED"
    """Every item has ended, in any final state."""

    CANCELED = "CANCELED"
    """The batch was canceled, and every item has ended."""

    TIMED_OUT = "TIMED_OUT"
    """The batch timeout expired, and every item has ended."""


class Batch(Shape, frozen=True):
    """A group of analyses submitted and counted together."""

    id: str
    """Global id, `batch_…`."""

    name: str | None
    """Name chosen by the caller."""

    status: BatchStatus
    """Current state."""

    total_items: int
    """Number of submitted items. Grows while the items of a stream arrive."""

    processed: int
    """Number of COMPLETED items."""

    failed: int
    """Number of FAILED items."""

    canceled: int
    """Number of CANCELED items."""

    timed_out: int
    """Number of TIMED_OUT items."""

    running: int
    """Number of RUNNING items."""

    queued: int
    """Number of QUEUED items."""

    stop_reason: str | None
    """Reason for a cancellation by the server, after a stream of items broke off. Null otherwise."""

    timeout_seconds: int
    """Seconds until unfinished items time out, counted from submission, or from a retry that reopens the batch."""

    created_at: datetime
    """Time of submission."""

    started_at: datetime | None
    """Start of the first item. Null before that."""

    finished_at: datetime | None
    """End of the last item. Null before that."""

    progress: Progress
    """Progress by ended items, in any final state."""

    items_per_second: float | None
    """
    Throughput in ended items per second, over the last ten seconds or the last 200 items, if those took longer.
    Null until the first item ends.
    """

    total_processing_time_ms: float | None
    """
    Milliseconds from the start of the first item to the end of the last item. A retry that reopens the batch
    starts the measurement again. Null while the batch runs.
    """

    @property
    def ended(self) -> bool:
        """Whether it has ended, whatever its end."""
        return self.finished_at is not None


class AnalysisReference(Shape, frozen=True):
    """Names a thing of the type Analysis."""

    id: str
    """Global id, `analysis_…`."""

    key: str | None
    """Key chosen by the caller. Unique within the batch. Null for a single submission."""


class AnalysisEvent(Event, frozen=True):
    """An event of an analysis."""

    progress: Progress
    """Progress at the time of the event."""

    error: AnalysisError | None
    """Error of the analysis or of the attempt. Null if there was no error."""

    status: AnalysisStatus
    """State of the analysis at the time of the event."""

    analysis: AnalysisReference | None
    """Current state of the analysis, at most ten seconds old. Null if the analysis was deleted."""


class BatchEvent(Event, frozen=True):
    """An event of a batch."""

    progress: Progress
    """Progress at the time of the event."""

    status: BatchStatus
    """State of the batch at the time of the event."""

    total_items: int
    """Number of submitted items at the time of the event."""

    processed: int
    """Number of COMPLETED items at the time of the event."""

    failed: int
    """Number of FAILED items at the time of the event."""

    batch: BatchReference | None
    """Current state of the batch, at most ten seconds old. Null if the batch was deleted."""


class UserErrorCode(Name):
    """Kind of problem with a mutation's input."""

    INVALID = "INVALID"
    """A value is malformed, missing or out of bounds."""

    NOT_FOUND = "NOT_FOUND"
    """The id refers to an object that does not exist or is not visible to the caller."""

    CONFLICT = "CONFLICT"
    """The object's current state does not allow the operation, for example canceling a finished analysis."""

    TOO_LARGE = "TOO_LARGE"
    """The request exceeds the limit on items, bytes or work for one request."""

    UNSUPPORTED = "UNSUPPORTED"
    """No analyzer on this server can read content of this type, or the installation lacks a required package."""

    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    """The idempotency key was used before with different input."""


class UserError(Shape, frozen=True):
    """A problem with a mutation's input. Server failures are reported as top-level errors instead."""

    code: UserErrorCode
    """Kind of problem."""

    message: str
    """One sentence: the problem and the correct form."""

    path: list[str] | None
    """
    Path to the invalid input field, from the input object down, with list positions as numbers in text: ["items",
    "3", "request", "text", "text"]. Null if the problem does not belong to a single field.
    """


class HealthStatus(Name):
    """Health of a component or of the whole server."""

    HEALTHY = "HEALTHY"
    """Works as intended."""

    DEGRADED = "DEGRADED"
    """Works with limitations and needs attention."""

    UNHEALTHY = "UNHEALTHY"
    """Does not work and needs immediate attention."""


class ComponentHealth(Shape, frozen=True):
    """Health of one component."""

    name: str
    """Name of the component: database, bus, events, workers, queue, disk, memory, analyzers or event_loop."""

    status: HealthStatus
    """Status of the component."""

    message: str | None
    """Human-readable finding."""

    latency_ms: float | None
    """Response time or delay of the component, in milliseconds. Null if there is nothing to measure."""


class Health(Shape, frozen=True):
    """Health of the server."""

    status: HealthStatus
    """Worst status of all components."""

    components: list[ComponentHealth]
    """Health of each component."""

    recommendations: list[str]
    """Recommended actions for the operator. Empty if all components are healthy."""


class SystemMetrics(Shape, frozen=True):
    """Load of the machine, and memory of this server."""

    cpu_percent: float
    """CPU utilization of the machine, all processors together, over the last second: from 0 to 100."""

    memory_percent: float
    """Memory utilization of the machine, from 0 to 100."""

    memory_mb: float
    """Resident memory of this server and its workers, in MiB. Memory shared by processes counts for each of them."""

    disk_percent: float
    """Disk utilization of the data folder's disk, from 0 to 100."""


class Latency(Shape, frozen=True):
    """Latency percentiles in milliseconds, over the last five minutes. Null without measurements in that period."""

    p50_ms: float | None
    """50th percentile, in milliseconds."""

    p95_ms: float | None
    """95th percentile, in milliseconds."""

    p99_ms: float | None
    """99th percentile, in milliseconds."""


class OperationMetrics(Shape, frozen=True):
    """Metrics of the GraphQL operations with one name, over all transports."""

    name: str
    """
    Operation name in the document; `anonymous` for operations without a name. After 200 names, all further names
    are counted together as `other`.
    """

    count: int
    """Number of operations since the server started."""

    errors: int
    """Number of operations answered with errors."""

    latency: Latency
    """Latency from request to response. Subscriptions are not measured."""


class HttpMetrics(Shape, frozen=True):
    """HTTP requests, and GraphQL operations over all transports, since this server started."""

    requests_total: int
    """Number of HTTP requests."""

    errors_total: int
    """Number of HTTP requests answered with a status of 400 or higher."""

    in_flight: int
    """Number of HTTP requests in progress, including this one."""

    latency: Latency
    """Latency of HTTP requests, from arrival to the end of the response. Streams are not measured."""

    operations: list[OperationMetrics]
    """GraphQL operations by name, most frequent first; at most 201."""


class BatchMetrics(Shape, frozen=True):
    """Batch counts and throughput, across all servers that share the database."""

    total: int
    """Number of stored batches, in any state."""

    running: int
    """Number of batches that have started and not ended."""

    items_processed: int
    """Number of COMPLETED items of stored batches."""

    items_failed: int
    """Number of FAILED items of stored batches."""

    items_per_second: float
    """
    Throughput in ended items per second, in any final state, over the ten seconds before the last one. Includes
    analyses without a batch.
    """

    latency: Latency
    """Latency of batches, from the start to the end of the last item."""


class PriorityDepth(Shape, frozen=True):
    """Number of queued analyses with one priority."""

    priority: int
    """Priority, from 1 (lowest) to 10 (highest)."""

    depth: int
    """Number of queued analyses with this priority."""

    oldest_seconds: float | None
    """
    Waiting time in seconds of the oldest analysis with this priority that is ready to run. Null if no analysis is
    ready.
    """


class AnalyzerDepth(Shape, frozen=True):
    """Number of queued analyses of one analyzer."""

    analyzer: str
    """Name of the analyzer."""

    depth: int
    """Number of queued analyses of this analyzer."""


class Throughput(Shape, frozen=True):
    """
    Throughput in analyses ended by workers per second, in any final state. The last second is not included,
    because workers report with a delay of up to one second.
    """

    last_ten_seconds: float
    """Ended analyses per second, over ten seconds."""

    last_five_minutes: float
    """Ended analyses per second, over five minutes."""


class AnalysisLatency(Shape, frozen=True):
    """Latency of analyses run by workers, over the last five minutes. Each percentile is accurate to 3.2 %."""

    waiting: Latency
    """Time in the queue before the first attempt, until a worker claims the analysis."""

    processing: Latency
    """Duration of the final attempt, in the process that runs the analyzer."""

    total: Latency
    """Time from queueing to the recorded end, including all attempts and the waiting time between them."""


class QueueMetrics(Shape, frozen=True):
    """Queued and running analyses, across all servers that share the database."""

    depth: int
    """Number of queued analyses, including those waiting for a retry."""

    running: int
    """
    Number of analyses claimed by workers and not ended. A worker claims short analyses by the hundred and runs
    them one after another; `Worker.busy` counts the slots at work.
    """

    oldest_seconds: float | None
    """Waiting time in seconds of the oldest analysis that is ready to run. Null if no analysis is ready."""

    by_priority: list[PriorityDepth]
    """Number of queued analyses by priority, highest priority first."""

    by_analyzer: list[AnalyzerDepth]
    """Number of queued analyses by analyzer, largest number first. Up to a minute old if the queue is long."""

    throughput: Throughput
    """Throughput of all workers."""

    latency: AnalysisLatency
    """Waiting and processing times of recent analyses."""


class WorkerReference(Shape, frozen=True):
    """Names a thing of the type Worker."""

    id: str
    """Global id, `worker_…`."""


class StorageMetrics(Shape, frozen=True):
    """Contents of the database and the data folder. Up to a minute old if there is much to count."""

    database_bytes: int
    """Size of the database on disk, in bytes."""

    analyses: int
    """Number of stored analyses. On PostgreSQL, from 100,000 on, the planner's estimate."""

    events: int
    """Number of events in the log. On PostgreSQL, from 100,000 on, the planner's estimate."""

    file_bytes: int
    """Total size of stored files, in bytes. Excludes the database."""

    files: int
    """Number of stored files. Excludes the database."""


class SubscriptionMetrics(Shape, frozen=True):
    """Subscriptions of this server."""

    connections: int
    """Number of open WebSocket connections and HTTP streams."""

    active: int
    """Number of running subscriptions."""

    delivered: int
    """Number of responses sent to subscribers since the server started."""

    overflowed: int
    """Number of slow subscribers that the server disconnected. Each received a cursor to resume from."""


class Metrics(Shape, frozen=True):
    """Metrics of the server at one point in time. Each part is read only if selected."""

    timestamp: datetime
    """Time of measurement."""

    instance: str
    """Server instance that answered, identified by host and process."""

    uptime_seconds: float
    """Seconds since the server started."""

    system: SystemMetrics
    """Load of the machine and memory of this server."""

    http: HttpMetrics
    """HTTP requests, and GraphQL operations over all transports."""

    batches: BatchMetrics
    """Batch counts and throughput."""

    queue: QueueMetrics
    """Queued and running analyses."""

    workers: list[WorkerReference]
    """Registered workers, oldest first. A worker that shuts down leaves the list."""

    storage: StorageMetrics
    """Contents of the database and the data folder."""

    subscriptions: SubscriptionMetrics
    """Subscriptions of this server."""

    health: Health
    """Health of the server."""


class AnalyzerQueue(Shape, frozen=True):
    """Pause and concurrency limit of one analyzer."""

    analyzer: str
    """Name of the analyzer. A paused or limited analyzer may be installed only on another server."""

    paused_since: datetime | None
    """Start of the pause. Null if the analyzer is not paused."""

    limit: int | None
    """
    Maximum number of slots of each worker that run this analyzer at the same time: 1 to 256. Null if there is no
    limit.
    """

    paused: bool
    """
    Whether the analyzer is paused: workers start no more of its analyses. Independent of a pause of the whole
    queue.
    """


class Queue(Shape, frozen=True):
    """
    Pauses and concurrency limits of the queue, for all servers that share the database. Workers apply changes
    within a second.
    """

    paused_since: datetime | None
    """Start of the pause of the whole queue. Null if the queue is not paused."""

    concurrency: int | None
    """Number of slots of each worker: 1 to 256. Null if each worker has the number of slots it was started with."""

    analyzers: list[AnalyzerQueue]
    """All analyzers that are installed on this server, paused or limited, by name."""

    paused: bool
    """
    Whether the whole queue is paused: workers start no more analyses. Running analyses continue; new submissions
    are accepted and wait.
    """

    metrics: QueueMetrics
    """Queued and running analyses."""


class TextReadingLevel(Name):
    """Reading level of a text, by Flesch's bands of the reading ease."""

    VERY_EASY = "VERY_EASY"
    """Reading ease of 90 or more."""

    EASY = "EASY"
    """Reading ease from 80 to below 90."""

    FAIRLY_EASY = "FAIRLY_EASY"
    """Reading ease from 70 to below 80."""

    STANDARD = "STANDARD"
    """Reading ease from 60 to below 70."""

    FAIRLY_DIFFICULT = "FAIRLY_DIFFICULT"
    """Reading ease from 50 to below 60."""

    DIFFICULT = "DIFFICULT"
    """Reading ease from 30 to below 50."""

    VERY_DIFFICULT = "VERY_DIFFICULT"
    """Reading ease below 30."""


class TextReadability(Shape, frozen=True):
    """Reading difficulty of the text. Grades are years of school in the United States."""

    reading_ease: float | None
    """
    Flesch's reading ease with the constants for the text's language: about 0 (hard) to 100 (easy), without fixed
    bounds. Null if there are no constants for the language.
    """

    formula: str | None
    """Source of the reading ease's constants, with the year of publication. Null if `readingEase` is null."""

    level: TextReadingLevel | None
    """Reading ease as a level. Null if `readingEase` is null."""

    flesch_kincaid_grade: float | None
    """Flesch-Kincaid grade (1975). English only."""

    gunning_fog: float | None
    """Grade by Gunning's fog index (1952). English only."""

    smog_index: float | None
    """SMOG grade (McLaughlin 1969). English only, and only from 30 sentences on, as defined by its author."""

    automated_readability_index: float | None
    """Grade by the Automated Readability Index (Smith and Senter 1967). English only."""

    coleman_liau_index: float | None
    """Grade by the Coleman-Liau index (1975). English only."""

    lix: float
    """
    Björnsson's LIX (1968): words per sentence plus the percentage of words with more than six letters. Below 25
    is very easy, above 55 very hard. For all languages that separate words by spaces.
    """


class TextStatistics(Shape, frozen=True):
    """Counts and averages of the text."""

    characters: int
    """Number of Unicode code points."""

    characters_without_spaces: int
    """Number of code points other than white space."""

    letters: int
    """Number of code points that are letters."""

    words: int | None
    """
    Number of words. Null in scripts without spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese,
    Tibetan.
    """

    unique_words: int | None
    """Number of different words, case-insensitive. Null whenever `words` is null."""

    sentences: int | None
    """Number of sentences. Null in scripts without marks at the end of sentences: Thai, Lao, Khmer, Burmese."""

    paragraphs: int
    """Number of blocks between blank lines; in a text without blank lines, the number of lines that are not wrapped."""

    syllables: int | None
    """Number of syllables. Null if the language is unknown or has no syllable rules."""

    average_word_length: float | None
    """Average number of letters and digits per word."""

    average_sentence_length: float | None
    """Average number of words per sentence."""

    average_syllables_per_word: float | None
    """Average number of syllables per word."""

    lexical_diversity: float | None
    """Number of different words divided by the number of words, above 0 and at most 1. Falls as a text grows longer."""

    reading_time_seconds: float | None
    """
    Reading time of an adult in seconds, silently or aloud, at the average speed for the language. Null if no
    speed is known for the words or characters of the language.
    """

    readability: TextReadability | None
    """Reading difficulty. Null for a text with fewer than 20 words, or if `words` is null."""


class TextLanguageCandidate(Shape, frozen=True):
    """A possible language of the text."""

    code: str
    """ISO 639-1 code, or ISO 639-3 code if there is no two-letter code."""

    name: str
    """English name of the language."""

    score: float
    """Probability, from 0 to 1. The scores of all 176 languages sum to 1."""


class TextLanguage(Shape, frozen=True):
    """Detected language of the text."""

    code: str
    """ISO 639-1 code, or ISO 639-3 code if there is no two-letter code."""

    name: str
    """English name of the language."""

    score: float
    """Probability, from 0 to 1."""

    reliable: bool
    """
    Whether the other operations use the detected language: if the score is at least 0.4, or 0.7 for a text with
    fewer than 12 letters.
    """

    candidates: list[TextLanguageCandidate]
    """Most likely languages, best first, at most five."""


class TextSentimentLabel(Name):
    """Direction of a sentiment."""

    POSITIVE = "POSITIVE"
    """Score of at least 0.05."""

    NEGATIVE = "NEGATIVE"
    """Score of at most -0.05."""

    NEUTRAL = "NEUTRAL"
    """Score between -0.05 and 0.05, without strong sentiment in both directions."""

    MIXED = "MIXED"
    """
    Strong positive and strong negative sentiment: each in at least 20 % of the words, or in at least 30 % of the
    sentences of a text with a score between -0.5 and 0.5.
    """


class TextSentenceSentiment(Shape, frozen=True):
    """Sentiment of one sentence."""

    begin: int
    """Start of the sentence, in Unicode code points from 0."""

    end: int
    """End of the sentence, in Unicode code points: the position after its last one."""

    label: TextSentimentLabel
    """Direction of the sentiment."""

    score: float
    """Score, from -1 (most negative) to 1 (most positive)."""


class TextSentiment(Shape, frozen=True):
    """Sentiment of the text."""

    label: TextSentimentLabel
    """Direction of the sentiment."""

    score: float
    """Score, from -1 (most negative) to 1 (most positive)."""

    magnitude: float
    """Total strength of the sentiment: the sum of the absolute scores of all sentences."""

    positive: float
    """Share of positive words, from 0 to 1. The three shares sum to 1."""

    negative: float
    """Share of negative words, from 0 to 1."""

    neutral: float
    """Share of all other words, from 0 to 1."""

    sentence_count: int
    """Number of scored sentences."""

    sentences: list[TextSentenceSentiment]
    """Sentiment of the first 1,000 sentences, in text order."""


class TextKeyword(Shape, frozen=True):
    """A key phrase of the text."""

    text: str
    """Phrase as written at its first occurrence."""

    score: float
    """Weight of the phrase relative to the best phrase, which has 1."""

    begin: int
    """Start of the first occurrence, in Unicode code points from 0."""

    end: int
    """End of the first occurrence, in Unicode code points: the position after its last one."""

    count: int
    """Number of occurrences, including inflected forms."""


class TextTopicTerm(Shape, frozen=True):
    """A word of a topic."""

    text: str
    """Word in its most frequent form."""

    weight: float
    """Weight of the word relative to the topic's heaviest word, which has 1."""


class TextTopic(Shape, frozen=True):
    """A topic: a group of words that occur in the same parts of the text."""

    label: str
    """Up to three of the topic's heaviest words, as a name."""

    share: float
    """Share of the text, from 0 to 1. The shares of all topics sum to 1."""

    terms: list[TextTopicTerm]
    """Words of the topic, heaviest first, at most eight."""

    begin: int
    """Start of the topic's strongest passage, in Unicode code points from 0."""

    end: int
    """End of the topic's strongest passage, in Unicode code points: the position after its last one."""


class TextEntityType(Name):
    """Kind of a named entity."""

    PERSON = "PERSON"
    """A person."""

    ORGANIZATION = "ORGANIZATION"
    """A company, authority, institution, party or club."""

    LOCATION = "LOCATION"
    """A country, region, city, street, river or similar place."""

    DATE = "DATE"
    """A day, month or year."""

    TIME = "TIME"
    """A time of day."""

    MONEY = "MONEY"
    """An amount of money with its currency."""

    PERCENT = "PERCENT"
    """A percentage."""

    QUANTITY = "QUANTITY"
    """A number with a unit of measure."""

    EMAIL = "EMAIL"
    """An e-mail address."""

    URL = "URL"
    """A web address."""

    PHONE = "PHONE"
    """A telephone number."""

    HANDLE = "HANDLE"
    """A user name written with @."""

    HASHTAG = "HASHTAG"
    """A tag written with #."""

    IP_ADDRESS = "IP_ADDRESS"
    """An IP address, version 4 or 6."""


class TextEntity(Shape, frozen=True):
    """A named entity of the text."""

    text: str
    """Entity as written at its first occurrence."""

    type: TextEntityType
    """Kind of the entity."""

    score: float
    """Approximate precision of the rule that found the entity, as measured, from 0 to 1. Names score low."""

    begin: int
    """Start of the first occurrence, in Unicode code points from 0."""

    end: int
    """End of the first occurrence, in Unicode code points: the position after its last one."""

    count: int
    """Number of occurrences."""


class TextSummarySentence(Shape, frozen=True):
    """A sentence of the summary."""

    text: str
    """Sentence as written in the text."""

    begin: int
    """Start of the sentence, in Unicode code points from 0."""

    end: int
    """End of the sentence, in Unicode code points: the position after its last one."""

    score: float
    """Weight of the sentence relative to the most informative sentence, which has 1."""


class TextSummary(Shape, frozen=True):
    """Extractive summary: the most informative sentences of the text."""

    text: str
    """Sentences of the summary in text order, separated by spaces."""

    share: float
    """Length of the summary divided by the length of the text, from 0 to 1."""

    sentences: list[TextSummarySentence]
    """Sentences of the summary, in text order."""


class TextOperation(Name):
    """Operation of the text analyzer."""

    STATISTICS = "STATISTICS"
    """Counts, averages, reading time and readability."""

    LANGUAGE = "LANGUAGE"
    """Language detection among 176 languages, with candidates and scores."""

    SENTIMENT = "SENTIMENT"
    """Positive or negative sentiment, for the whole text and by sentence. English only."""

    KEYWORDS = "KEYWORDS"
    """Key phrases of the text."""

    TOPICS = "TOPICS"
    """Topics: groups of words that occur in the same sentences."""

    ENTITIES = "ENTITIES"
    """
    Named entities, such as dates, amounts, addresses and phone numbers; in English also persons, organizations
    and places.
    """

    SUMMARY = "SUMMARY"
    """Extractive summary: the most informative sentences, in text order."""


class TextUnavailableReason(Name):
    """Reason for a missing or incomplete part of a text result."""

    UNSUPPORTED_LANGUAGE = "UNSUPPORTED_LANGUAGE"
    """The operation does not support the language of the text."""

    UNKNOWN_LANGUAGE = "UNKNOWN_LANGUAGE"
    """The language of the text can't be detected reliably. Set `language` in the request."""

    TEXT_TOO_SHORT = "TEXT_TOO_SHORT"
    """The text is too short for a meaningful result."""

    NO_WORDS = "NO_WORDS"
    """The text contains no letters."""


class TextUnavailable(Shape, frozen=True):
    """A requested part of a text result that is missing or incomplete, with the reason."""

    operation: TextOperation
    """Operation with a missing or incomplete result."""

    reason: TextUnavailableReason
    """Machine-readable reason."""

    message: str
    """Human-readable reason, with a remedy."""


class TextResult(AnalysisResult, frozen=True):
    """Result of the text analyzer. Positions count Unicode code points; ranges are half open."""

    language_used: str | None
    """
    Language whose rules the operations applied, as an ISO 639-1 or 639-3 code: the language of the request, or
    the detected language if reliable. Null otherwise.
    """

    statistics: TextStatistics | None
    """Counts, averages, reading time and readability."""

    language: TextLanguage | None
    """Detected language of the text."""

    sentiment: TextSentiment | None
    """Positive or negative sentiment. English only."""

    keywords: list[TextKeyword] | None
    """Key phrases, best first, at most ten."""

    topics: list[TextTopic] | None
    """Topics, largest first, at most six."""

    entities: list[TextEntity] | None
    """Named entities, each once, in the order of their first occurrence, at most 1,000."""

    text_summary: TextSummary | None
    """Extractive summary: the most informative sentences, in text order, at most five."""

    unavailable: list[TextUnavailable]
    """
    Requested parts that are null or incomplete, each with the reason. Parts that were not requested are null
    without an entry here.
    """


class TextRequest(Request, frozen=True):
    """Input of the text analyzer."""

    ANALYZER: ClassVar[str] = "text"

    text: str
    """Plain text: 1 to 1,000,000 characters (Unicode code points), not all of them white space, none of them U+0000."""

    operations: list[TextOperation] | None = None
    """Operations to run, 1 to 100 entries. A repeated operation runs once. Null means the default."""

    language: str | None = None
    """Language of the text as an ISO 639-1 code. Detected if omitted."""


RESULTS: dict[str, type[AnalysisResult]] = {
    "TextResult": TextResult,
}
EVENTS: dict[str, type[Event]] = {
    "AnalysisEvent": AnalysisEvent,
    "BatchEvent": BatchEvent,
}
