/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "query Analyses($first: Int!, $after: String) {\n  analyses(first: $first, after: $after) {\n    nodes {\n      id\n      key\n      status\n      result {\n        summary\n      }\n      error {\n        message\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    totalCount\n  }\n}\n\nquery Analysis($id: ID!) {\n  analysis(id: $id) {\n    id\n    inputText\n    result {\n      __typename\n      score\n      summary\n      data\n      ... on TextResult {\n        language {\n          name\n        }\n        sentiment {\n          label\n          score\n        }\n        keywords {\n          text\n        }\n      }\n    }\n  }\n}\n\nquery NewestBatch {\n  batches(first: 1) {\n    nodes {\n      id\n      name\n      status\n      totalItems\n      processed\n      failed\n      canceled\n      timedOut\n      itemsPerSecond\n      progress {\n        fraction\n        etaSeconds\n      }\n    }\n  }\n}\n\nsubscription Events($after: String!) {\n  events(after: $after) {\n    cursor\n    type\n    occurredAt\n    subjectId\n  }\n}\n\nquery EventsEnd {\n  eventsEnd\n}\n\nmutation Submit($text: String!) {\n  submitAnalysis(input: {request: {text: {text: $text}}}) {\n    analysis {\n      id\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation SubmitLines($items: [BatchItem!]!) {\n  batchProcess(input: {items: $items}) {\n    batch {\n      id\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation Cancel($id: ID!) {\n  cancelAnalysis(input: {id: $id}) {\n    analysis {\n      id\n      status\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation CancelBatch($id: ID!) {\n  cancelBatch(input: {id: $id}) {\n    batch {\n      id\n      status\n    }\n    userErrors {\n      message\n    }\n  }\n}": typeof types.AnalysesDocument,
};
const documents: Documents = {
    "query Analyses($first: Int!, $after: String) {\n  analyses(first: $first, after: $after) {\n    nodes {\n      id\n      key\n      status\n      result {\n        summary\n      }\n      error {\n        message\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    totalCount\n  }\n}\n\nquery Analysis($id: ID!) {\n  analysis(id: $id) {\n    id\n    inputText\n    result {\n      __typename\n      score\n      summary\n      data\n      ... on TextResult {\n        language {\n          name\n        }\n        sentiment {\n          label\n          score\n        }\n        keywords {\n          text\n        }\n      }\n    }\n  }\n}\n\nquery NewestBatch {\n  batches(first: 1) {\n    nodes {\n      id\n      name\n      status\n      totalItems\n      processed\n      failed\n      canceled\n      timedOut\n      itemsPerSecond\n      progress {\n        fraction\n        etaSeconds\n      }\n    }\n  }\n}\n\nsubscription Events($after: String!) {\n  events(after: $after) {\n    cursor\n    type\n    occurredAt\n    subjectId\n  }\n}\n\nquery EventsEnd {\n  eventsEnd\n}\n\nmutation Submit($text: String!) {\n  submitAnalysis(input: {request: {text: {text: $text}}}) {\n    analysis {\n      id\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation SubmitLines($items: [BatchItem!]!) {\n  batchProcess(input: {items: $items}) {\n    batch {\n      id\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation Cancel($id: ID!) {\n  cancelAnalysis(input: {id: $id}) {\n    analysis {\n      id\n      status\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation CancelBatch($id: ID!) {\n  cancelBatch(input: {id: $id}) {\n    batch {\n      id\n      status\n    }\n    userErrors {\n      message\n    }\n  }\n}": types.AnalysesDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Analyses($first: Int!, $after: String) {\n  analyses(first: $first, after: $after) {\n    nodes {\n      id\n      key\n      status\n      result {\n        summary\n      }\n      error {\n        message\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    totalCount\n  }\n}\n\nquery Analysis($id: ID!) {\n  analysis(id: $id) {\n    id\n    inputText\n    result {\n      __typename\n      score\n      summary\n      data\n      ... on TextResult {\n        language {\n          name\n        }\n        sentiment {\n          label\n          score\n        }\n        keywords {\n          text\n        }\n      }\n    }\n  }\n}\n\nquery NewestBatch {\n  batches(first: 1) {\n    nodes {\n      id\n      name\n      status\n      totalItems\n      processed\n      failed\n      canceled\n      timedOut\n      itemsPerSecond\n      progress {\n        fraction\n        etaSeconds\n      }\n    }\n  }\n}\n\nsubscription Events($after: String!) {\n  events(after: $after) {\n    cursor\n    type\n    occurredAt\n    subjectId\n  }\n}\n\nquery EventsEnd {\n  eventsEnd\n}\n\nmutation Submit($text: String!) {\n  submitAnalysis(input: {request: {text: {text: $text}}}) {\n    analysis {\n      id\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation SubmitLines($items: [BatchItem!]!) {\n  batchProcess(input: {items: $items}) {\n    batch {\n      id\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation Cancel($id: ID!) {\n  cancelAnalysis(input: {id: $id}) {\n    analysis {\n      id\n      status\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation CancelBatch($id: ID!) {\n  cancelBatch(input: {id: $id}) {\n    batch {\n      id\n      status\n    }\n    userErrors {\n      message\n    }\n  }\n}"): (typeof documents)["query Analyses($first: Int!, $after: String) {\n  analyses(first: $first, after: $after) {\n    nodes {\n      id\n      key\n      status\n      result {\n        summary\n      }\n      error {\n        message\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    totalCount\n  }\n}\n\nquery Analysis($id: ID!) {\n  analysis(id: $id) {\n    id\n    inputText\n    result {\n      __typename\n      score\n      summary\n      data\n      ... on TextResult {\n        language {\n          name\n        }\n        sentiment {\n          label\n          score\n        }\n        keywords {\n          text\n        }\n      }\n    }\n  }\n}\n\nquery NewestBatch {\n  batches(first: 1) {\n    nodes {\n      id\n      name\n      status\n      totalItems\n      processed\n      failed\n      canceled\n      timedOut\n      itemsPerSecond\n      progress {\n        fraction\n        etaSeconds\n      }\n    }\n  }\n}\n\nsubscription Events($after: String!) {\n  events(after: $after) {\n    cursor\n    type\n    occurredAt\n    subjectId\n  }\n}\n\nquery EventsEnd {\n  eventsEnd\n}\n\nmutation Submit($text: String!) {\n  submitAnalysis(input: {request: {text: {text: $text}}}) {\n    analysis {\n      id\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation SubmitLines($items: [BatchItem!]!) {\n  batchProcess(input: {items: $items}) {\n    batch {\n      id\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation Cancel($id: ID!) {\n  cancelAnalysis(input: {id: $id}) {\n    analysis {\n      id\n      status\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation CancelBatch($id: ID!) {\n  cancelBatch(input: {id: $id}) {\n    batch {\n      id\n      status\n    }\n    userErrors {\n      message\n    }\n  }\n}"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;