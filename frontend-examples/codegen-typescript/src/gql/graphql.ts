/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** Kind of analysis error. */
export type AnalysisErrorCode =
  /** The analyzer raised an error. The message names the error. */
  | 'ANALYZER_FAILED'
  /** The analysis was canceled. */
  | 'CANCELED'
  /** The input, or its result, exceeds the analyzer's limits. */
  | 'INPUT_TOO_LARGE'
  /** The input is empty, malformed or unreadable. */
  | 'INPUT_UNREADABLE'
  /** The analysis exceeded its analyzer's memory limit. */
  | 'MEMORY_EXCEEDED'
  /** The timeout of the analysis or of its batch expired. */
  | 'TIMED_OUT'
  /** No analyzer on this server reads the format, or the installation lacks a required package. */
  | 'UNSUPPORTED_FORMAT'
  /** The process running the analysis was lost in every attempt. */
  | 'WORKER_LOST';

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

/** Input of batchProcess. */
export type BatchProcessInput = {
  /** Idempotency key, 1 to 200 characters, without control characters. Within one day, the same key with the same input returns the first call's batch and starts no work; with different input the request is rejected. */
  idempotencyKey?: string | null | undefined;
  /** 1 to 10,000 items. */
  items?: Array<BatchItem> | null | undefined;
  /** Maximum number of attempts for each item: 1 to 10. Only retryable errors lead to another attempt. Null means 3. */
  maxAttempts?: number | null | undefined;
  /** Name of the batch, 1 to 200 characters, without control characters. */
  name?: string | null | undefined;
  /** Seconds until unfinished items time out: 1 to 86,400. Counted from submission, or from a retry that reopens the batch. Null means 300. */
  timeoutSeconds?: number | null | undefined;
  /** Seconds to wait for the batch to end before the mutation returns, at most 60. 0 returns immediately. Null means 0. */
  waitSeconds?: number | null | undefined;
};

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

/** Direction of a sentiment. */
export type TextSentimentLabel =
  /** Score between -0.5 and 0.5, with strong positive and strong negative sentiment: each in at least 20 % of the words, or in at least 30 % of the sentences. */
  | 'MIXED'
  /** Score of at most -0.05. */
  | 'NEGATIVE'
  /** Score between -0.05 and 0.05, without strong sentiment in both directions. */
  | 'NEUTRAL'
  /** Score of at least 0.05. */
  | 'POSITIVE';

export type EventsEndQueryVariables = Exact<{ [key: string]: never; }>;


export type EventsEndQuery = { eventsEnd: string };

export type SubmitMutationVariables = Exact<{
  input: BatchProcessInput;
}>;


export type SubmitMutation = { batchProcess: { batch: { id: string, totalItems: number } | null, userErrors: Array<{ message: string, path: Array<string> | null }> } };

export type WatchSubscriptionVariables = Exact<{
  batchId: string | number;
  after: string;
}>;


export type WatchSubscription = { events:
    | { __typename: 'AlertEvent', cursor: string, type: EventType }
    | { __typename: 'AnalysisEvent', cursor: string, type: EventType, analysis: { key: string | null, result:
          | { __typename: 'TextResult', summary: string, data: unknown, language: { code: string } | null, sentiment: { label: TextSentimentLabel, score: number } | null }
          | { __typename: 'UntypedResult', summary: string, data: unknown }
         | null } | null, error: { code: AnalysisErrorCode, message: string } | null }
    | { __typename: 'BatchEvent', processed: number, failed: number, totalItems: number, cursor: string, type: EventType }
    | { __typename: 'BulkActionEvent', cursor: string, type: EventType }
    | { __typename: 'QueueEvent', cursor: string, type: EventType }
   };

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

export const EventsEndDocument = new TypedDocumentString(`
    query EventsEnd {
  eventsEnd
}
    `) as unknown as TypedDocumentString<EventsEndQuery, EventsEndQueryVariables>;
export const SubmitDocument = new TypedDocumentString(`
    mutation Submit($input: BatchProcessInput!) {
  batchProcess(input: $input) {
    batch {
      id
      totalItems
    }
    userErrors {
      message
      path
    }
  }
}
    `) as unknown as TypedDocumentString<SubmitMutation, SubmitMutationVariables>;
export const WatchDocument = new TypedDocumentString(`
    subscription Watch($batchId: ID!, $after: String!) {
  events(filter: {batchId: $batchId}, after: $after) {
    __typename
    cursor
    type
    ... on AnalysisEvent {
      analysis {
        key
        result {
          __typename
          summary
          data
          ... on TextResult {
            language {
              code
            }
            sentiment {
              label
              score
            }
          }
        }
      }
      error {
        code
        message
      }
    }
    ... on BatchEvent {
      processed
      failed
      totalItems
    }
  }
}
    `) as unknown as TypedDocumentString<WatchSubscription, WatchSubscriptionVariables>;