/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** What is to be analyzed, and by which analyzer: exactly one field is set. Each analyzer adds its own. */
export type AnalysisRequest =
  {   /** Statistics, readability, language, sentiment, keywords, topics, entities and summary of a text. */
  text: TextRequest; };

/** One item of a batch. */
export type BatchItem = {
  /** The caller's own name for the item, 1 to 200 characters; made up ("0", "1", …) where it is not given. */
  key?: string | null | undefined;
  /** From 1 (last) to 10 (first). A null stands for the default. */
  priority?: number | null | undefined;
  /** What is to be analyzed. */
  request: AnalysisRequest;
};

/** Where a batch stands. */
export type BatchStatus =
  /** Somebody canceled it, and every item has ended. */
  | 'CANCELED'
  /** Every item has ended, whatever its end. */
  | 'COMPLETED'
  /** No item of it has begun. */
  | 'QUEUED'
  /** Items of it have begun, and not all have ended. */
  | 'RUNNING'
  /** Its time was up before every item had ended; now all have. */
  | 'TIMED_OUT';

/** What happened. */
export type EventType =
  /** An analysis was canceled. */
  | 'ANALYSIS_CANCELED'
  /** An analysis has a result. */
  | 'ANALYSIS_COMPLETED'
  /** An analysis ended with an error. */
  | 'ANALYSIS_FAILED'
  /** A running analysis told how far it has come. */
  | 'ANALYSIS_PROGRESS'
  /** An analysis was accepted, retried by a person, or given back unharmed by its worker. */
  | 'ANALYSIS_QUEUED'
  /** A try failed in a way that another may not; the error tells how. It waits for the next. */
  | 'ANALYSIS_RETRYING'
  /** A worker took an analysis; each try has one. */
  | 'ANALYSIS_STARTED'
  /** An analysis's time was up. */
  | 'ANALYSIS_TIMED_OUT'
  /** A batch was canceled, and every item has ended. */
  | 'BATCH_CANCELED'
  /** Every item of a batch has ended. */
  | 'BATCH_COMPLETED'
  /** Items of a batch ended; told at most four times a second. */
  | 'BATCH_PROGRESS'
  /** The first item of a batch began. */
  | 'BATCH_STARTED'
  /** A batch's time was up, and every item has ended. */
  | 'BATCH_TIMED_OUT';

/** What can be asked of a text. */
export type TextOperation =
  /** Dates, amounts, addresses, phone numbers and the like; in English also persons, organizations and places. */
  | 'ENTITIES'
  /** The phrases that say most about the text. */
  | 'KEYWORDS'
  /** The language it is written in, of 176, with the candidates and their scores. */
  | 'LANGUAGE'
  /** How positive or negative it is, as a whole and by sentence. English only. */
  | 'SENTIMENT'
  /** Counts, averages, reading time and readability. */
  | 'STATISTICS'
  /** Its most telling sentences, as they stand, in their order. */
  | 'SUMMARY'
  /** What it is about, part by part: groups of words that stand in the same sentences. */
  | 'TOPICS';

/** A text to analyze, and what is wanted of it. */
export type TextRequest = {
  /** The text's language by its ISO 639-1 code, to go by; detected where it is null. */
  language?: string | null | undefined;
  /** What to find out. Null means the default; what is given twice is done once. */
  operations?: Array<TextOperation> | null | undefined;
  /** The text, plain: 1 to 1,000,000 characters (Unicode code points), not all of them white space, none of them U+0000. */
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