/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** Why an analysis did not complete. */
export type AnalysisErrorCode =
  /** The analyzer raised an error; the message tells which. */
  | 'ANALYZER_FAILED'
  /** Somebody canceled it. */
  | 'CANCELED'
  /** The input, or the result it leads to, is beyond the analyzer's bounds. */
  | 'INPUT_TOO_LARGE'
  /** The input is empty or malformed, or can't be read. */
  | 'INPUT_UNREADABLE'
  /** It took more memory than its analyzer may. */
  | 'MEMORY_EXCEEDED'
  /** Its time, or its batch's, was up before it had ended. */
  | 'TIMED_OUT'
  /** No analyzer of this server reads such input, or this install lacks what it takes. */
  | 'UNSUPPORTED_FORMAT'
  /** The process that ran it went away, as often as it was tried. */
  | 'WORKER_LOST';

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

/** A batch to run. */
export type BatchProcessInput = {
  /** 1 to 200 characters. The same key with the same input, within a day, answers with the first call's batch and starts nothing; with another input it is refused. */
  idempotencyKey?: string | null | undefined;
  /** 1 to 10,000 items. */
  items?: Array<BatchItem> | null | undefined;
  /** How often each analysis is tried where another try could end differently: 1 to 10. */
  maxAttempts?: number | null | undefined;
  /** A name for it, 1 to 200 characters. */
  name?: string | null | undefined;
  /** Seconds until what has not ended is timed out: 1 to 86,400. */
  timeoutSeconds?: number | null | undefined;
  /** Answer when the batch has ended, or after this many seconds, whichever is first; 0 answers at once. At most 60. */
  waitSeconds?: number | null | undefined;
};

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

/** The direction of a sentiment. */
export type TextSentimentLabel =
  /** Much that is positive and much that is negative. */
  | 'MIXED'
  /** The score is at most -0.05. */
  | 'NEGATIVE'
  /** The score is between -0.05 and 0.05, and nothing strong stands against each other. */
  | 'NEUTRAL'
  /** The score is at least 0.05. */
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
    | { __typename: 'AnalysisEvent', cursor: string, type: EventType, analysis: { key: string | null, result:
          | { __typename: 'TextResult', summary: string, data: unknown, language: { code: string } | null, sentiment: { label: TextSentimentLabel, score: number } | null }
          | { __typename: 'UntypedResult', summary: string, data: unknown }
         | null } | null, error: { code: AnalysisErrorCode, message: string } | null }
    | { __typename: 'BatchEvent', processed: number, failed: number, totalItems: number, cursor: string, type: EventType }
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