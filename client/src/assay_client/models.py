"""The API's own types. Made by client/generate.py of schema/schema.graphql: not to be changed by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import msgspec

from assay_client._base import Name, Request, Shape, narrow_result


class AnalysisResult(Shape, frozen=True):
    """What every result has; each analyzer adds a type of its own that implements it (TextResult, …)."""

    typename: str = msgspec.field(name="__typename")
    """The type's name."""

    score: float | None
    """The analyzer's headline figure, from 0 to 1. Its analyzer's scoreMeaning says what it stands for."""

    tags: list[str]
    """Short labels, lower case, most telling first."""

    summary: str
    """One sentence that sums the result up."""

    data: Any
    """The whole result as JSON, for clients that don't know its type."""


class EventType(Name):
    """What happened."""

    ANALYSIS_QUEUED = "ANALYSIS_QUEUED"
    """An analysis was accepted, retried by a person, or given back unharmed by its worker."""

    ANALYSIS_STARTED = "ANALYSIS_STARTED"
    """A worker took an analysis; each try has one."""

    ANALYSIS_PROGRESS = "ANALYSIS_PROGRESS"
    """A running analysis told how far it has come."""

    ANALYSIS_RETRYING = "ANALYSIS_RETRYING"
    """A try failed in a way that another may not; the error tells how. It waits for the next."""

    ANALYSIS_COMPLETED = "ANALYSIS_COMPLETED"
    """An analysis has a result."""

    ANALYSIS_FAILED = "ANALYSIS_FAILED"
    """An analysis ended with an error."""

    ANALYSIS_CANCELED = "ANALYSIS_CANCELED"
    """An analysis was canceled."""

    ANALYSIS_TIMED_OUT = "ANALYSIS_TIMED_OUT"
    """An analysis's time was up."""

    BATCH_STARTED = "BATCH_STARTED"
    """The first item of a batch began."""

    BATCH_PROGRESS = "BATCH_PROGRESS"
    """Items of a batch ended; told at most four times a second."""

    BATCH_COMPLETED = "BATCH_COMPLETED"
    """Every item of a batch has ended."""

    BATCH_CANCELED = "BATCH_CANCELED"
    """A batch was canceled, and every item has ended."""

    BATCH_TIMED_OUT = "BATCH_TIMED_OUT"
    """A batch's time was up, and every item has ended."""


class Event(Shape, frozen=True):
    """Something that happened. Kept, in order, so that a subscriber that was away can catch up."""

    typename: str = msgspec.field(name="__typename")
    """The type's name."""

    cursor: str
    """Its place in the order of all events. Give it back as `after` to go on behind it."""

    type: EventType
    """What happened."""

    occurred_at: datetime
    """When."""

    subject_id: str
    """The id of what it happened to."""


class Analyzer(Shape, frozen=True):
    """An analyzer that this server has."""

    id: str
    """`analyzer_` and its name."""

    name: str
    """Its field in AnalysisRequest: "text", "image"."""

    description: str
    """What it computes."""

    version: str
    """Changes whenever the same input would give another result."""

    score_meaning: str | None
    """What its score stands for; null where it gives none."""

    media_types: list[str]
    """The media types that it reads; empty where it takes no file."""

    options_schema: Any
    """JSON Schema of its options."""

    result_type_name: str
    """The type of its results, an implementation of AnalysisResult."""


class AnalysisStatus(Name):
    """Where an analysis stands."""

    QUEUED = "QUEUED"
    """It waits for a worker, for the first time or for another try."""

    RUNNING = "RUNNING"
    """A worker has it."""

    COMPLETED = "COMPLETED"
    """It has a result."""

    FAILED = "FAILED"
    """It ended with an error, after as many tries as it may have."""

    CANCELED = "CANCELED"
    """Somebody canceled it."""

    TIMED_OUT = "TIMED_OUT"
    """Its time, or its batch's, was up before it had ended."""


class AnalyzerReference(Shape, frozen=True):
    """Names a thing of the type Analyzer."""

    id: str
    """`analyzer_` and its name."""

    name: str
    """Its field in AnalysisRequest: "text", "image"."""


class AnalysisErrorCode(Name):
    """Why an analysis did not complete."""

    INPUT_UNREADABLE = "INPUT_UNREADABLE"
    """The input is empty or malformed, or can't be read."""

    INPUT_TOO_LARGE = "INPUT_TOO_LARGE"
    """The input, or the result it leads to, is beyond the analyzer's bounds."""

    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    """No analyzer of this server reads such input, or this install lacks what it takes."""

    ANALYZER_FAILED = "ANALYZER_FAILED"
    """The analyzer raised an error; the message tells which."""

    WORKER_LOST = "WORKER_LOST"
    """The process that ran it went away, as often as it was tried."""

    MEMORY_EXCEEDED = "MEMORY_EXCEEDED"
    """It took more memory than its analyzer may."""

    TIMED_OUT = "TIMED_OUT"
    """Its time, or its batch's, was up before it had ended."""

    CANCELED = "CANCELED"
    """Somebody canceled it."""


class AnalysisError(Shape, frozen=True):
    """Why an analysis did not complete."""

    code: AnalysisErrorCode
    """What kind of error it is."""

    message: str
    """What went wrong, in a sentence."""

    retryable: bool
    """Whether another try could end differently."""


class Progress(Shape, frozen=True):
    """How far a piece of work has come."""

    fraction: float
    """From 0 to 1, never going back within one attempt."""

    step: str | None
    """What is being done now, in words a person can read: "extracting page 12 of 40"."""

    eta_seconds: float | None
    """Seconds until it is expected to end; null before there is something to reckon from."""


class BatchReference(Shape, frozen=True):
    """Names a thing of the type Batch."""

    id: str
    """The id, `batch_…`."""

    name: str | None
    """The caller's name for it."""


class Analysis(Shape, frozen=True):
    """One piece of work: an input, the analyzer that reads it, and what came out."""

    id: str
    """The id, `analysis_…`."""

    key: str | None
    """The caller's own name for it; unique within its batch."""

    status: AnalysisStatus
    """Where it stands."""

    priority: int
    """From 1 (last) to 10 (first)."""

    input_text: str | None
    """The text that it reads; null where it reads none, or where the text was refused."""

    attempt: int
    """Which try this is or was, from 1; 0 before the first."""

    max_attempts: int
    """How often it is tried where another try could end differently."""

    created_at: datetime
    """When it was accepted."""

    updated_at: datetime
    """When it last changed."""

    started_at: datetime | None
    """When its last try began; null before the first."""

    finished_at: datetime | None
    """When it ended; null before."""

    processing_time_ms: float | None
    """Milliseconds of the last attempt, from start to end."""

    analyzer: AnalyzerReference
    """The analyzer that reads the input."""

    input_data: Any
    """The value that it reads; null where it reads none, or where it was refused."""

    options: Any
    """The options it runs with, defaults filled in."""

    result: AnalysisResult | None
    """Null until it has completed."""

    error: AnalysisError | None
    """Null unless it failed, timed out or was canceled."""

    progress: Progress
    """How far it has come."""

    batch: BatchReference | None
    """The batch it belongs to; null where it was submitted by itself."""

    @property
    def ended(self) -> bool:
        """Whether it has ended, whatever its end."""
        return self.finished_at is not None

    def __post_init__(self) -> None:
        narrow_result(self, RESULTS)


class BatchStatus(Name):
    """Where a batch stands."""

    QUEUED = "QUEUED"
    """No item of it has begun."""

    RUNNING = "RUNNING"
    """Items of it have begun, and not all have ended."""

    COMPLETED = "COMPLETED"
    """Every item has ended, whatever its end."""

    CANCELED = "CANCELED"
    """Somebody canceled it, and every item has ended."""

    TIMED_OUT = "TIMED_OUT"
    """Its time was up before every item had ended; now all have."""


class Batch(Shape, frozen=True):
    """Many analyses, submitted as one and counted together."""

    id: str
    """The id, `batch_…`."""

    name: str | None
    """The caller's name for it."""

    status: BatchStatus
    """Where it stands."""

    total_items: int
    """How many items it was submitted with; grows while items of a stream still come."""

    processed: int
    """Items that completed."""

    failed: int
    """Items that failed."""

    canceled: int
    """Items that were canceled."""

    timed_out: int
    """Items whose time was up."""

    running: int
    """Items that a worker has."""

    queued: int
    """Items that wait for a worker."""

    stop_reason: str | None
    """Why it was canceled, where nobody asked for that: its items stopped coming. Else null."""

    timeout_seconds: int
    """Seconds from its submission until what has not ended is timed out."""

    created_at: datetime
    """When it was accepted."""

    started_at: datetime | None
    """When its first item began; null before."""

    finished_at: datetime | None
    """When its last item ended; null before."""

    progress: Progress
    """How far it has come, by items that have ended, whatever their end."""

    items_per_second: float | None
    """Items ended a second of late: over about ten seconds, or 200 items if they take longer."""

    total_processing_time_ms: float | None
    """From its start to its last item's end, in milliseconds; null while it runs."""

    @property
    def ended(self) -> bool:
        """Whether it has ended, whatever its end."""
        return self.finished_at is not None


class AnalysisReference(Shape, frozen=True):
    """Names a thing of the type Analysis."""

    id: str
    """The id, `analysis_…`."""

    key: str | None
    """The caller's own name for it; unique within its batch."""


class AnalysisEvent(Event, frozen=True):
    """Something that happened to an analysis."""

    progress: Progress
    """How far it had come."""

    error: AnalysisError | None
    """Why it, or this try of it, did not complete; null otherwise."""

    status: AnalysisStatus
    """As it was when the event happened."""

    analysis: AnalysisReference | None
    """As it was when this was answered, at most ten seconds ago; null where it had been deleted."""


class BatchEvent(Event, frozen=True):
    """Something that happened to a batch."""

    progress: Progress
    """How far it had come."""

    status: BatchStatus
    """As it was when the event happened."""

    total_items: int
    """How many items it was submitted with."""

    processed: int
    """Items that had completed."""

    failed: int
    """Items that had failed."""

    batch: BatchReference | None
    """As it was when this was answered, at most ten seconds ago; null where it had been deleted."""


class UserErrorCode(Name):
    """What kind of fault a request has."""

    INVALID = "INVALID"
    """A value is malformed, missing, or out of its bounds."""

    NOT_FOUND = "NOT_FOUND"
    """What an id names does not exist, or is not the caller's to see."""

    CONFLICT = "CONFLICT"
    """The thing is in a state in which this can't be done (canceling what has ended, say)."""

    TOO_LARGE = "TOO_LARGE"
    """More items, bytes or work than one request may bring."""

    UNSUPPORTED = "UNSUPPORTED"
    """The content is of a kind that no analyzer here can read."""

    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    """The same idempotency key came before with another input."""


class UserError(Shape, frozen=True):
    """
    Why a mutation did not do what was asked. Faults of the request stand here; faults of the server are top-level
    errors.
    """

    code: UserErrorCode
    """What kind of fault it is."""

    message: str
    """Says what is wrong and what would be right, in one sentence."""

    path: list[str] | None
    """
    The way to the input field at fault, from the input object down, list positions as numbers in text: ["items",
    "3", "request", "text", "text"]. Null where no one field is at fault.
    """


class HealthStatus(Name):
    """How well a part of the server, or the whole, does."""

    HEALTHY = "HEALTHY"
    """All is well."""

    DEGRADED = "DEGRADED"
    """It works, but not as it should: somebody should look."""

    UNHEALTHY = "UNHEALTHY"
    """It does not do what it is for: somebody must look."""


class ComponentHealth(Shape, frozen=True):
    """How one part of the server does."""

    name: str
    """One of database, bus, events, workers, queue, disk, memory, analyzers, event_loop."""

    status: HealthStatus
    """How well it does."""

    message: str | None
    """What was found, in words."""

    latency_ms: float | None
    """Milliseconds that it took to answer, or was late by; null where there is nothing to time."""


class Health(Shape, frozen=True):
    """How the server does."""

    status: HealthStatus
    """The worst of its components'."""

    components: list[ComponentHealth]
    """Each part of the server that can fail."""

    recommendations: list[str]
    """What an operator should do, in words; empty where all is well."""


class SystemMetrics(Shape, frozen=True):
    """The machine, and this server's share of it."""

    cpu_percent: float
    """How busy the machine's processors are, all together, over the last second: 0 to 100."""

    memory_percent: float
    """How much of the machine's memory is taken: 0 to 100."""

    memory_mb: float
    """Resident memory of this server and its workers, in MiB. What processes share counts for each of them."""

    disk_percent: float
    """How full the disk of the data folder is: 0 to 100."""


class Latency(Shape, frozen=True):
    """Milliseconds, over the last five minutes. Null where nothing was measured in them."""

    p50_ms: float | None
    """Half took no longer than this."""

    p95_ms: float | None
    """95 of 100 took no longer than this."""

    p99_ms: float | None
    """99 of 100 took no longer than this."""


class OperationMetrics(Shape, frozen=True):
    """The operations of one name, over every transport."""

    name: str
    """
    As the document names it; `anonymous` where it names none. Beyond 200 names, the rest is counted together as
    `other`.
    """

    count: int
    """Since the server started."""

    errors: int
    """Those that were answered with errors."""

    latency: Latency
    """From request to answer; of subscriptions there is none."""


class HttpMetrics(Shape, frozen=True):
    """Requests over HTTP and operations over any transport, of this server, since it started."""

    requests_total: int
    """Requests over HTTP."""

    errors_total: int
    """Requests that were answered with a status of 400 or more."""

    in_flight: int
    """Requests that are being answered now, this one among them."""

    latency: Latency
    """Of requests, from their arrival to the end of their answer."""

    operations: list[OperationMetrics]
    """Operations by name, the most frequent first; at most 201."""


class BatchMetrics(Shape, frozen=True):
    """Batches that are kept, of every server that shares the database."""

    total: int
    """All of them, whatever their status."""

    running: int
    """Those that have begun and not ended."""

    items_processed: int
    """Their items that completed."""

    items_failed: int
    """Their items that failed."""

    items_per_second: float
    """
    Analyses that workers ended a second, over the ten seconds before the last one: items of batches and those of
    no batch, whatever their end.
    """

    latency: Latency
    """Of batches, from their start to their last item's end."""


class PriorityDepth(Shape, frozen=True):
    """How much waits at one priority."""

    priority: int
    """From 1 (last) to 10 (first)."""

    depth: int
    """Analyses that wait at it."""

    oldest_seconds: float | None
    """For how many seconds the one has waited that has waited longest; null where none could be taken now."""


class AnalyzerDepth(Shape, frozen=True):
    """How much waits for one analyzer."""

    analyzer: str
    """Its name."""

    depth: int
    """Analyses that wait for it."""


class Throughput(Shape, frozen=True):
    """
    Analyses that workers ended a second, whatever their end. Workers tell of a second up to a second later: the
    last one is not among them.
    """

    last_ten_seconds: float
    """Over ten seconds."""

    last_five_minutes: float
    """Over five minutes."""


class AnalysisLatency(Shape, frozen=True):
    """How long the analyses took that workers took and ended of late; within 3.2 %."""

    waiting: Latency
    """From the queue to a worker, for the first try of each."""

    processing: Latency
    """The try that ended it, in its process."""

    total: Latency
    """From the queue to the recorded end, with all tries and what it waited between them."""


class QueueMetrics(Shape, frozen=True):
    """What waits and what runs, of every server that shares the database."""

    depth: int
    """Analyses that wait for a worker, those that wait for their next try among them."""

    running: int
    """
    Analyses that a worker has taken and that have not ended. Workers take short ones by the hundred, to run them
    one after the other: what runs at this moment is `busy` of the workers.
    """

    oldest_seconds: float | None
    """For how many seconds the one has waited that has waited longest; null where none could be taken now."""

    by_priority: list[PriorityDepth]
    """Where something waits, the highest priority first."""

    by_analyzer: list[AnalyzerDepth]
    """
    For which analyzers something waits, the most first. Counting takes long where much waits, so that the figures
    may then be up to a minute old.
    """

    throughput: Throughput
    """How much gets done."""

    latency: AnalysisLatency
    """How long it takes."""


class WorkerReference(Shape, frozen=True):
    """Names a thing of the type Worker."""

    id: str
    """The id, `worker_…`."""


class StorageMetrics(Shape, frozen=True):
    """What is kept. Counting much takes long, so that figures may then be up to a minute old."""

    database_bytes: int
    """What the database takes on disk, in bytes."""

    analyses: int
    """Analyses that are kept; on PostgreSQL, from 100,000 on, its own estimate."""

    events: int
    """Events in the log; on PostgreSQL, from 100,000 on, its own estimate."""

    file_bytes: int
    """What files take in the data folder, in bytes: uploads and what analyses made."""

    files: int
    """Files in the data folder: uploads and what analyses made."""


class SubscriptionMetrics(Shape, frozen=True):
    """Subscriptions on this server."""

    connections: int
    """WebSockets and HTTP streams that are open."""

    active: int
    """Subscriptions that run on them."""

    delivered: int
    """Answers sent to subscribers since the server started."""

    overflowed: int
    """Subscribers ended because they did not keep up; each was told where to resume."""


class Metrics(Shape, frozen=True):
    """The server's own figures at one moment. A part is read only where it is selected."""

    timestamp: datetime
    """The moment."""

    instance: str
    """The server that answers, by host and process."""

    uptime_seconds: float
    """Seconds since it started."""

    system: SystemMetrics
    """The machine, and this server's share of it."""

    http: HttpMetrics
    """Requests over HTTP and operations over any transport."""

    batches: BatchMetrics
    """Batches, and how fast their items end."""

    queue: QueueMetrics
    """What waits and what runs."""

    workers: list[WorkerReference]
    """Every worker that has not said goodbye, oldest first."""

    storage: StorageMetrics
    """What the database and the data folder hold."""

    subscriptions: SubscriptionMetrics
    """Subscriptions on this server."""

    health: Health
    """How the server does."""


class AnalyzerQueue(Shape, frozen=True):
    """What an administrator holds of one analyzer."""

    analyzer: str
    """Its name. One that is held here may be another server's."""

    paused_since: datetime | None
    """Since when it is paused; null where it is not."""

    limit: int | None
    """How many slots of each worker may run it at once: 1 to 256; null where there is no limit."""

    paused: bool
    """Whether nothing more of it begins. The whole queue may be paused besides."""


class Queue(Shape, frozen=True):
    """
    What an administrator holds of the queue, for every server that shares the database. Workers follow within a
    second.
    """

    paused_since: datetime | None
    """Since when it is paused; null where it is not."""

    concurrency: int | None
    """Slots of each worker: 1 to 256; null where each has as many as it was started with."""

    analyzers: list[AnalyzerQueue]
    """Each analyzer that this server has or that is held, by name."""

    paused: bool
    """Whether nothing more begins. What runs goes on, and what is submitted is taken and waits."""

    metrics: QueueMetrics
    """What waits and what runs."""


class TextReadingLevel(Name):
    """How hard a text is to read, by Flesch's bands of the reading ease."""

    VERY_EASY = "VERY_EASY"
    """Ease of 90 or more."""

    EASY = "EASY"
    """Ease of 80 to 90."""

    FAIRLY_EASY = "FAIRLY_EASY"
    """Ease of 70 to 80."""

    STANDARD = "STANDARD"
    """Ease of 60 to 70."""

    FAIRLY_DIFFICULT = "FAIRLY_DIFFICULT"
    """Ease of 50 to 60."""

    DIFFICULT = "DIFFICULT"
    """Ease of 30 to 50."""

    VERY_DIFFICULT = "VERY_DIFFICULT"
    """Ease below 30."""


class TextReadability(Shape, frozen=True):
    """How hard the text is to read. Grades are years of school in the United States."""

    reading_ease: float | None
    """
    Flesch's reading ease with the constants of the text's language; about 0 (hard) to 100 (easy), though without
    bounds. Null in languages for which there are none.
    """

    formula: str | None
    """Whose constants the reading ease uses, with the year of publication."""

    level: TextReadingLevel | None
    """The reading ease in a word; null where that is null."""

    flesch_kincaid_grade: float | None
    """Grade by Flesch and Kincaid (1975). English only."""

    gunning_fog: float | None
    """Grade by Gunning's Fog index (1952). English only."""

    smog_index: float | None
    """Grade by SMOG (McLaughlin 1969). English only, and only from 30 sentences on, as it is defined."""

    automated_readability_index: float | None
    """Grade by ARI (Smith and Senter 1967). English only."""

    coleman_liau_index: float | None
    """Grade by Coleman and Liau (1975). English only."""

    lix: float
    """
    Björnsson's LIX (1968): words a sentence plus the percentage of words over six letters; below 25 very easy,
    above 55 very hard. Any language that parts words by spaces.
    """


class TextStatistics(Shape, frozen=True):
    """What there is to count in the text."""

    characters: int
    """Unicode code points."""

    characters_without_spaces: int
    """Code points that are not white space."""

    letters: int
    """Code points that are letters."""

    words: int | None
    """
    Words. Null in scripts that write no spaces between them: Chinese, Japanese, Thai, Lao, Khmer, Burmese,
    Tibetan.
    """

    unique_words: int | None
    """Different words, upper and lower case alike. Null as `words` is."""

    sentences: int | None
    """Sentences. Null in scripts that don't mark their ends: Thai, Lao, Khmer, Burmese."""

    paragraphs: int
    """Blocks between blank lines; in a text without blank lines, lines that are not wrapped."""

    syllables: int | None
    """Syllables. Null where the language is unknown or can't be counted."""

    average_word_length: float | None
    """Letters and digits a word, on average."""

    average_sentence_length: float | None
    """Words a sentence, on average."""

    average_syllables_per_word: float | None
    """Syllables a word, on average."""

    lexical_diversity: float | None
    """Different words divided by words, above 0 to 1. It falls as a text grows longer."""

    reading_time_seconds: float | None
    """
    Seconds that an adult takes to read it silently or aloud, at the average speed for its language. Null where
    neither words nor characters have a known speed.
    """

    readability: TextReadability | None
    """Readability; null for fewer than 20 words or no words."""


class TextLanguageCandidate(Shape, frozen=True):
    """A language that the text could be written in."""

    code: str
    """ISO 639-1, or ISO 639-3 where there is no code of two letters."""

    name: str
    """The language's English name."""

    score: float
    """How likely, from 0 to 1; the scores of all 176 sum to 1."""


class TextLanguage(Shape, frozen=True):
    """The language that the text is written in, as detected."""

    code: str
    """ISO 639-1, or ISO 639-3 where there is no code of two letters."""

    name: str
    """The language's English name."""

    score: float
    """How likely, from 0 to 1."""

    reliable: bool
    """
    Whether it is likely enough for the other operations to go by it: a score of at least 0.4, or 0.7 in a text of
    fewer than 12 letters.
    """

    candidates: list[TextLanguageCandidate]
    """The most likely languages, at most five, best first."""


class TextSentimentLabel(Name):
    """The direction of a sentiment."""

    POSITIVE = "POSITIVE"
    """The score is at least 0.05."""

    NEGATIVE = "NEGATIVE"
    """The score is at most -0.05."""

    NEUTRAL = "NEUTRAL"
    """The score is between -0.05 and 0.05, and nothing strong stands against each other."""

    MIXED = "MIXED"
    """Much that is positive and much that is negative."""


class TextSentenceSentiment(Shape, frozen=True):
    """The sentiment of one sentence."""

    begin: int
    """Where it begins in the text, in Unicode code points from 0."""

    end: int
    """Where it ends, in Unicode code points: the position after its last one."""

    label: TextSentimentLabel
    """Its direction."""

    score: float
    """From -1 (most negative) to 1 (most positive)."""


class TextSentiment(Shape, frozen=True):
    """How positive or negative the text is."""

    label: TextSentimentLabel
    """Its direction."""

    score: float
    """From -1 (most negative) to 1 (most positive)."""

    magnitude: float
    """How much feeling there is in all: the sum of all sentences' |score|."""

    positive: float
    """The share of the words that is positive. The three sum to 1."""

    negative: float
    """The share of the words that is negative."""

    neutral: float
    """The share of the words that is neither."""

    sentence_count: int
    """How many sentences were scored."""

    sentences: list[TextSentenceSentiment]
    """The first 1,000 sentences, in the order of the text."""


class TextKeyword(Shape, frozen=True):
    """A phrase that says much about the text."""

    text: str
    """The phrase as it first stands in the text."""

    score: float
    """Its weight beside the best phrase's, which is 1."""

    begin: int
    """Where it first stands in the text, in Unicode code points from 0."""

    end: int
    """Where it ends, in Unicode code points: the position after its last one."""

    count: int
    """How often it stands in the text, inflected forms included."""


class TextTopicTerm(Shape, frozen=True):
    """A word of a topic."""

    text: str
    """The word, in the form in which it is most frequent."""

    weight: float
    """Its weight beside the topic's heaviest word, which is 1."""


class TextTopic(Shape, frozen=True):
    """A group of words that stand in the same parts of the text."""

    label: str
    """Its heaviest words, as a name."""

    share: float
    """Its share of the text; the topics' shares sum to 1."""

    terms: list[TextTopicTerm]
    """Its words, at most eight, heaviest first."""

    begin: int
    """Where the passage that is most about it begins, in Unicode code points from 0."""

    end: int
    """Where that passage ends, in Unicode code points: the position after its last one."""


class TextEntityType(Name):
    """What an entity names."""

    PERSON = "PERSON"
    """A person."""

    ORGANIZATION = "ORGANIZATION"
    """A company, authority, institution, party or club."""

    LOCATION = "LOCATION"
    """A country, region, city, street, river or the like."""

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
    """A user's name written with @."""

    HASHTAG = "HASHTAG"
    """A tag written with #."""

    IP_ADDRESS = "IP_ADDRESS"
    """An Internet address, of version 4 or 6."""


class TextEntity(Shape, frozen=True):
    """Something that the text names."""

    text: str
    """As it first stands in the text."""

    type: TextEntityType
    """What it names."""

    score: float
    """How often what the rule finds is right, roughly, as measured; names score low."""

    begin: int
    """Where it first stands in the text, in Unicode code points from 0."""

    end: int
    """Where it ends, in Unicode code points: the position after its last one."""

    count: int
    """How often it stands in the text."""


class TextSummarySentence(Shape, frozen=True):
    """A sentence of the summary."""

    text: str
    """The sentence as it stands in the text."""

    begin: int
    """Where it begins in the text, in Unicode code points from 0."""

    end: int
    """Where it ends, in Unicode code points: the position after its last one."""

    score: float
    """How telling it is beside the most telling sentence, which is 1."""


class TextSummary(Shape, frozen=True):
    """The text's most telling sentences."""

    text: str
    """The sentences, in the order of the text, with a space between them."""

    share: float
    """The summary's length as a share of the text's."""

    sentences: list[TextSummarySentence]
    """The sentences, in the order of the text."""


class TextOperation(Name):
    """What can be asked of a text."""

    STATISTICS = "STATISTICS"
    """Counts, averages, reading time and readability."""

    LANGUAGE = "LANGUAGE"
    """The language it is written in, of 176, with the candidates and their scores."""

    SENTIMENT = "SENTIMENT"
    """How positive or negative it is, as a whole and by sentence. English only."""

    KEYWORDS = "KEYWORDS"
    """The phrases that say most about the text."""

    TOPICS = "TOPICS"
    """What it is about, part by part: groups of words that stand in the same sentences."""

    ENTITIES = "ENTITIES"
    """Dates, amounts, addresses, phone numbers and the like; in English also persons, organizations and places."""

    SUMMARY = "SUMMARY"
    """Its most telling sentences, as they stand, in their order."""


class TextUnavailableReason(Name):
    """Why a part of a result is missing."""

    UNSUPPORTED_LANGUAGE = "UNSUPPORTED_LANGUAGE"
    """The operation can't read the text's language."""

    UNKNOWN_LANGUAGE = "UNKNOWN_LANGUAGE"
    """The text's language can't be told with confidence; giving `language` in the request helps."""

    TEXT_TOO_SHORT = "TEXT_TOO_SHORT"
    """There is too little text for an answer that means something."""

    NO_WORDS = "NO_WORDS"
    """The text has no letters."""


class TextUnavailable(Shape, frozen=True):
    """Something that was asked for and is not there, with the reason."""

    operation: TextOperation
    """The operation that gives nothing, or less than it could."""

    reason: TextUnavailableReason
    """Why, for programs."""

    message: str
    """Why, for people, and what would help."""


class TextResult(AnalysisResult, frozen=True):
    """What was found out about a text. Positions count Unicode code points and are half open."""

    language_used: str | None
    """
    The language by whose rules the operations went, ISO 639-1 or 639-3: the request's, or the detected one where
    that is reliable; else null.
    """

    statistics: TextStatistics | None
    """Counts, averages, reading time, readability."""

    language: TextLanguage | None
    """The language it is written in, as detected."""

    sentiment: TextSentiment | None
    """How positive or negative it is. English only."""

    keywords: list[TextKeyword] | None
    """The phrases that say most about it, at most ten, best first."""

    topics: list[TextTopic] | None
    """What it is about, part by part: at most six topics, largest first."""

    entities: list[TextEntity] | None
    """What it names, each once, at most 1,000, in the order in which they first stand."""

    text_summary: TextSummary | None
    """Its most telling sentences, at most five, in the order of the text."""

    unavailable: list[TextUnavailable]
    """
    What was asked for and is null, or less than it could be, each with the reason. Parts that were not asked for
    are null without an entry here.
    """


class TextRequest(Request, frozen=True):
    """A text to analyze, and what is wanted of it."""

    ANALYZER: ClassVar[str] = "text"

    text: str
    """
    The text, plain: 1 to 1,000,000 characters (Unicode code points), not all of them white space, none of them
    U+0000.
    """

    operations: list[TextOperation] | None = None
    """What to find out. Null means the default; what is given twice is done once."""

    language: str | None = None
    """The text's language by its ISO 639-1 code, to go by; detected where it is null."""


RESULTS: dict[str, type[AnalysisResult]] = {
    "TextResult": TextResult,
}
EVENTS: dict[str, type[Event]] = {
    "AnalysisEvent": AnalysisEvent,
    "BatchEvent": BatchEvent,
}
