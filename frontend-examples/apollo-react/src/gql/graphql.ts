/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** Selects the analyzer and carries its input. Exactly one field must be set. Each analyzer adds its own field. */
export type AnalysisRequest =
  {   /** Statistics, readability, language, sentiment, keywords, topics, entities and summary of a text. */
  text: TextRequest; };

/** State of an analysis. */
export type AnalysisStatus =
  /** Ended by a cancel request. */
  | 'CANCELED'
  /** Ended with a result. */
  | 'COMPLETED'
  /** Ended with an error after the last permitted attempt. */
  | 'FAILED'
  /** Waiting for a worker, for the first attempt or for a retry. */
  | 'QUEUED'
  /** Claimed by a worker. */
  | 'RUNNING'
  /** Ended by the timeout of the analysis or of its batch. */
  | 'TIMED_OUT';

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

export type AnalysesQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type AnalysesQuery = { analyses: { totalCount: number, edges: Array<{ cursor: string, node: { id: string, key: string | null, status: AnalysisStatus, result:
          | { summary: string }
          | { summary: string }
         | null, error: { message: string } | null } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type AnalysisQueryVariables = Exact<{
  id: string | number;
}>;


export type AnalysisQuery = { analysis: { id: string, inputText: string | null, result:
      | { __typename: 'TextResult', score: number | null, summary: string, data: unknown, language: { name: string } | null, sentiment: { label: TextSentimentLabel, score: number } | null, keywords: Array<{ text: string }> | null }
      | { __typename: 'UntypedResult', score: number | null, summary: string, data: unknown }
     | null } | null };

export type NewestBatchQueryVariables = Exact<{ [key: string]: never; }>;


export type NewestBatchQuery = { batches: { nodes: Array<{ id: string, name: string | null, status: BatchStatus, totalItems: number, processed: number, failed: number, canceled: number, timedOut: number, itemsPerSecond: number | null, progress: { fraction: number, etaSeconds: number | null } }> } };

export type BatchPartsFragment = { id: string, name: string | null, status: BatchStatus, totalItems: number, processed: number, failed: number, canceled: number, timedOut: number, itemsPerSecond: number | null, progress: { fraction: number, etaSeconds: number | null } };

export type WatchBatchSubscriptionVariables = Exact<{
  id: string | number;
}>;


export type WatchBatchSubscription = { batch: { id: string, name: string | null, status: BatchStatus, totalItems: number, processed: number, failed: number, canceled: number, timedOut: number, itemsPerSecond: number | null, progress: { fraction: number, etaSeconds: number | null } } };

export type EventsSubscriptionVariables = Exact<{
  after: string;
}>;


export type EventsSubscription = { events:
    | { cursor: string, type: EventType, subjectId: string }
    | { cursor: string, type: EventType, subjectId: string }
    | { cursor: string, type: EventType, subjectId: string }
    | { cursor: string, type: EventType, subjectId: string }
    | { cursor: string, type: EventType, subjectId: string }
   };

export type EventsEndQueryVariables = Exact<{ [key: string]: never; }>;


export type EventsEndQuery = { eventsEnd: string };

export type SubmitMutationVariables = Exact<{
  text: string;
}>;


export type SubmitMutation = { submitAnalysis: { analysis: { id: string } | null, userErrors: Array<{ message: string }> } };

export type SubmitLinesMutationVariables = Exact<{
  items: Array<BatchItem> | BatchItem;
}>;


export type SubmitLinesMutation = { batchProcess: { batch: { id: string } | null, userErrors: Array<{ message: string }> } };

export type CancelMutationVariables = Exact<{
  id: string | number;
}>;


export type CancelMutation = { cancelAnalysis: { analysis: { __typename: 'Analysis', id: string, status: AnalysisStatus } | null, userErrors: Array<{ message: string }> } };

export const BatchPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"BatchParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Batch"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"totalItems"}},{"kind":"Field","name":{"kind":"Name","value":"processed"}},{"kind":"Field","name":{"kind":"Name","value":"failed"}},{"kind":"Field","name":{"kind":"Name","value":"canceled"}},{"kind":"Field","name":{"kind":"Name","value":"timedOut"}},{"kind":"Field","name":{"kind":"Name","value":"itemsPerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"progress"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"fraction"}},{"kind":"Field","name":{"kind":"Name","value":"etaSeconds"}}]}}]}}]} as unknown as DocumentNode<BatchPartsFragment, unknown>;
export const AnalysesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Analyses"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"first"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"analyses"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"Variable","name":{"kind":"Name","value":"first"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"result"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"summary"}}]}},{"kind":"Field","name":{"kind":"Name","value":"error"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}},{"kind":"Field","name":{"kind":"Name","value":"totalCount"}}]}}]}}]} as unknown as DocumentNode<AnalysesQuery, AnalysesQueryVariables>;
export const AnalysisDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Analysis"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"analysis"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"inputText"}},{"kind":"Field","name":{"kind":"Name","value":"result"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"score"}},{"kind":"Field","name":{"kind":"Name","value":"summary"}},{"kind":"Field","name":{"kind":"Name","value":"data"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"TextResult"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"language"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"sentiment"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"label"}},{"kind":"Field","name":{"kind":"Name","value":"score"}}]}},{"kind":"Field","name":{"kind":"Name","value":"keywords"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"text"}}]}}]}}]}}]}}]}}]} as unknown as DocumentNode<AnalysisQuery, AnalysisQueryVariables>;
export const NewestBatchDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"NewestBatch"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"batches"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"1"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"BatchParts"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"BatchParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Batch"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"totalItems"}},{"kind":"Field","name":{"kind":"Name","value":"processed"}},{"kind":"Field","name":{"kind":"Name","value":"failed"}},{"kind":"Field","name":{"kind":"Name","value":"canceled"}},{"kind":"Field","name":{"kind":"Name","value":"timedOut"}},{"kind":"Field","name":{"kind":"Name","value":"itemsPerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"progress"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"fraction"}},{"kind":"Field","name":{"kind":"Name","value":"etaSeconds"}}]}}]}}]} as unknown as DocumentNode<NewestBatchQuery, NewestBatchQueryVariables>;
export const WatchBatchDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchBatch"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"batch"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"BatchParts"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"BatchParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Batch"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"totalItems"}},{"kind":"Field","name":{"kind":"Name","value":"processed"}},{"kind":"Field","name":{"kind":"Name","value":"failed"}},{"kind":"Field","name":{"kind":"Name","value":"canceled"}},{"kind":"Field","name":{"kind":"Name","value":"timedOut"}},{"kind":"Field","name":{"kind":"Name","value":"itemsPerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"progress"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"fraction"}},{"kind":"Field","name":{"kind":"Name","value":"etaSeconds"}}]}}]}}]} as unknown as DocumentNode<WatchBatchSubscription, WatchBatchSubscriptionVariables>;
export const EventsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"Events"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"events"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"subjectId"}}]}}]}}]} as unknown as DocumentNode<EventsSubscription, EventsSubscriptionVariables>;
export const EventsEndDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"EventsEnd"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"eventsEnd"}}]}}]} as unknown as DocumentNode<EventsEndQuery, EventsEndQueryVariables>;
export const SubmitDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"Submit"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"text"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"submitAnalysis"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"request"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"text"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"text"},"value":{"kind":"Variable","name":{"kind":"Name","value":"text"}}}]}}]}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"analysis"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<SubmitMutation, SubmitMutationVariables>;
export const SubmitLinesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"SubmitLines"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"items"}},"type":{"kind":"NonNullType","type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"BatchItem"}}}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"batchProcess"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"items"},"value":{"kind":"Variable","name":{"kind":"Name","value":"items"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"batch"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<SubmitLinesMutation, SubmitLinesMutationVariables>;
export const CancelDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"Cancel"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cancelAnalysis"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"analysis"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<CancelMutation, CancelMutationVariables>;