/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** Selects the analyzer and carries its input. Exactly one field must be set. Each analyzer adds its own field. */
export type AnalysisRequest =
  {   /** Statistics, readability, language, sentiment, keywords, topics, entities and summary of a text. */
  text: TextRequest; };

/** One item of a batch. */
export type BatchItem = {
  /** Key chosen by the caller, 1 to 200 characters, without control characters. Unique within the batch. Generated ("0", "1", …) if omitted. */
  key?: string | null | undefined;
  /** Priority, from 1 (lowest) to 10 (highest). Null means 5. */
  priority?: number | null | undefined;
  /** Analyzer and input of the item. */
  request: AnalysisRequest;
};

/** State of a batch. */
export type BatchStatus =
  /** The batch was canceled, and every item has ended. */
  | 'CANCELED'
  /** Every item has ended, in any final state. */
  | 'COMPLETED'
  /** No item has started. */
  | 'QUEUED'
  /** At least one item has started, and not all have ended. */
  | 'RUNNING'
  /** The batch timeout expired, and every item has ended. */
  | 'TIMED_OUT';

/** Type of an event. */
export type EventType =
  /** The health of a component changed, for the worse or back. */
  | 'ALERT'
  /** An analysis was canceled. */
  | 'ANALYSIS_CANCELED'
  /** An analysis ended with a result. */
  | 'ANALYSIS_COMPLETED'
  /** An analysis was deleted. Retention sends one event per slice, about the analysis that ended last: all analyses outside of batches that ended before were deleted too. */
  | 'ANALYSIS_DELETED'
  /** An analysis ended with an error. */
  | 'ANALYSIS_FAILED'
  /** A running analysis reported progress. */
  | 'ANALYSIS_PROGRESS'
  /** An analysis was submitted, retried by a user, or returned to the queue unharmed by its worker. */
  | 'ANALYSIS_QUEUED'
  /** An attempt failed with a retryable error, and the analysis waits for the next attempt. `AnalysisEvent.error` holds the error. */
  | 'ANALYSIS_RETRYING'
  /** A worker started an attempt of an analysis. */
  | 'ANALYSIS_STARTED'
  /** An analysis timed out. */
  | 'ANALYSIS_TIMED_OUT'
  /** A batch was canceled, and every item has ended. */
  | 'BATCH_CANCELED'
  /** Every item of a batch has ended. */
  | 'BATCH_COMPLETED'
  /** A batch was deleted, with its items. The items have no event of their own. */
  | 'BATCH_DELETED'
  /** Items of a batch ended. Sent at most four times a second. */
  | 'BATCH_PROGRESS'
  /** The first item of a batch started. */
  | 'BATCH_STARTED'
  /** A batch timed out, and every item has ended. */
  | 'BATCH_TIMED_OUT'
  /** A bulk action completed or was stopped. */
  | 'BULK_ACTION_ENDED'
  /** A bulk action made progress. At most one event per second and action. */
  | 'BULK_ACTION_PROGRESS'
  /** The queue or an analyzer was paused or resumed, or its concurrency changed. */
  | 'QUEUE_CHANGED';

/** Format of a text. */
export type TextFormat =
  /** Detected from the text. */
  | 'AUTO'
  /** HTML. */
  | 'HTML'
  /** Markdown. */
  | 'MARKDOWN'
  /** Plain text. */
  | 'PLAIN';

/** Operation of the text analyzer. */
export type TextOperation =
  /** Named entities, such as dates, amounts, addresses and phone numbers; in English also persons, organizations and places. */
  | 'ENTITIES'
  /** Key phrases of the text. */
  | 'KEYWORDS'
  /** Language detection among 176 languages, with candidates and scores. */
  | 'LANGUAGE'
  /** Positive or negative sentiment, for the whole text and by sentence. English only. */
  | 'SENTIMENT'
  /** Counts, averages, reading time and readability. */
  | 'STATISTICS'
  /** Extractive summary: the most informative sentences, in text order. */
  | 'SUMMARY'
  /** Topics: groups of words that occur in the same sentences. */
  | 'TOPICS';

/** Input of the text analyzer. */
export type TextRequest = {
  /** Format of the text. Marks of the format are not analyzed. Null means AUTO. */
  format?: TextFormat | null | undefined;
  /** Language of the text as an ISO 639-1 code. Detected if omitted. */
  language?: string | null | undefined;
  /** Operations to run, 1 to 100 entries. A repeated operation runs once. Null means the default. */
  operations?: Array<TextOperation> | null | undefined;
  /** Plain text: 1 to 1,000,000 characters (Unicode code points), not all of them white space, none of them U+0000. */
  text: string;
};

export type FiguresSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type FiguresSubscription = { metrics: { timestamp: string, queue: { depth: number, throughput: { lastTenSeconds: number }, latency: { total: { p50Ms: number | null } } }, workers: Array<{ busy: number }>, system: { cpuPercent: number, memoryMb: number } } };

export type EventsEndQueryVariables = Exact<{ [key: string]: never; }>;


export type EventsEndQuery = { eventsEnd: string };

export type EventsSubscriptionVariables = Exact<{
  after: string;
}>;


export type EventsSubscription = { events:
    | { cursor: string, type: EventType, occurredAt: string, subjectId: string }
    | { cursor: string, type: EventType, occurredAt: string, subjectId: string }
    | { cursor: string, type: EventType, occurredAt: string, subjectId: string }
    | { cursor: string, type: EventType, occurredAt: string, subjectId: string }
    | { cursor: string, type: EventType, occurredAt: string, subjectId: string }
   };

export type BatchesQueryVariables = Exact<{
  first: number;
}>;


export type BatchesQuery = { batches: { totalCount: number, nodes: Array<{ id: string, name: string | null, status: BatchStatus, totalItems: number, processed: number, failed: number, canceled: number, timedOut: number, itemsPerSecond: number | null, progress: { fraction: number, etaSeconds: number | null } }> } };

export type CancelBatchMutationVariables = Exact<{
  id: string | number;
}>;


export type CancelBatchMutation = { cancelBatch: { batch: { status: BatchStatus } | null, userErrors: Array<{ message: string }> } };

export type SubmitBatchMutationVariables = Exact<{
  name: string;
  items: Array<BatchItem> | BatchItem;
}>;


export type SubmitBatchMutation = { batchProcess: { batch: { id: string } | null, userErrors: Array<{ message: string }> } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const FiguresDocument = new TypedDocumentString(`
    subscription Figures {
  metrics(intervalSeconds: 1) {
    timestamp
    queue {
      depth
      throughput {
        lastTenSeconds
      }
      latency {
        total {
          p50Ms
        }
      }
    }
    workers {
      busy
    }
    system {
      cpuPercent
      memoryMb
    }
  }
}
    `) as unknown as TypedDocumentString<FiguresSubscription, FiguresSubscriptionVariables>;
export const EventsEndDocument = new TypedDocumentString(`
    query EventsEnd {
  eventsEnd
}
    `) as unknown as TypedDocumentString<EventsEndQuery, EventsEndQueryVariables>;
export const EventsDocument = new TypedDocumentString(`
    subscription Events($after: String!) {
  events(after: $after) {
    cursor
    type
    occurredAt
    subjectId
  }
}
    `) as unknown as TypedDocumentString<EventsSubscription, EventsSubscriptionVariables>;
export const BatchesDocument = new TypedDocumentString(`
    query Batches($first: Int!) {
  batches(first: $first) {
    nodes {
      id
      name
      status
      totalItems
      processed
      failed
      canceled
      timedOut
      itemsPerSecond
      progress {
        fraction
        etaSeconds
      }
    }
    totalCount
  }
}
    `) as unknown as TypedDocumentString<BatchesQuery, BatchesQueryVariables>;
export const CancelBatchDocument = new TypedDocumentString(`
    mutation CancelBatch($id: ID!) {
  cancelBatch(input: {id: $id}) {
    batch {
      status
    }
    userErrors {
      message
    }
  }
}
    `) as unknown as TypedDocumentString<CancelBatchMutation, CancelBatchMutationVariables>;
export const SubmitBatchDocument = new TypedDocumentString(`
    mutation SubmitBatch($name: String!, $items: [BatchItem!]!) {
  batchProcess(input: {name: $name, items: $items}) {
    batch {
      id
    }
    userErrors {
      message
    }
  }
}
    `) as unknown as TypedDocumentString<SubmitBatchMutation, SubmitBatchMutationVariables>;