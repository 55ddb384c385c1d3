/* eslint-disable */
import * as types from './graphql.js';



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
    "query EventsEnd {\n  eventsEnd\n}\n\nmutation Submit($input: BatchProcessInput!) {\n  batchProcess(input: $input) {\n    batch {\n      id\n      totalItems\n    }\n    userErrors {\n      message\n      path\n    }\n  }\n}\n\nsubscription Watch($batchId: ID!, $after: String!) {\n  events(filter: {batchId: $batchId}, after: $after) {\n    __typename\n    cursor\n    type\n    ... on AnalysisEvent {\n      analysis {\n        key\n        result {\n          __typename\n          summary\n          data\n          ... on TextResult {\n            language {\n              code\n            }\n            sentiment {\n              label\n              score\n            }\n          }\n        }\n      }\n      error {\n        code\n        message\n      }\n    }\n    ... on BatchEvent {\n      processed\n      failed\n      totalItems\n    }\n  }\n}": typeof types.EventsEndDocument,
};
const documents: Documents = {
    "query EventsEnd {\n  eventsEnd\n}\n\nmutation Submit($input: BatchProcessInput!) {\n  batchProcess(input: $input) {\n    batch {\n      id\n      totalItems\n    }\n    userErrors {\n      message\n      path\n    }\n  }\n}\n\nsubscription Watch($batchId: ID!, $after: String!) {\n  events(filter: {batchId: $batchId}, after: $after) {\n    __typename\n    cursor\n    type\n    ... on AnalysisEvent {\n      analysis {\n        key\n        result {\n          __typename\n          summary\n          data\n          ... on TextResult {\n            language {\n              code\n            }\n            sentiment {\n              label\n              score\n            }\n          }\n        }\n      }\n      error {\n        code\n        message\n      }\n    }\n    ... on BatchEvent {\n      processed\n      failed\n      totalItems\n    }\n  }\n}": types.EventsEndDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query EventsEnd {\n  eventsEnd\n}\n\nmutation Submit($input: BatchProcessInput!) {\n  batchProcess(input: $input) {\n    batch {\n      id\n      totalItems\n    }\n    userErrors {\n      message\n      path\n    }\n  }\n}\n\nsubscription Watch($batchId: ID!, $after: String!) {\n  events(filter: {batchId: $batchId}, after: $after) {\n    __typename\n    cursor\n    type\n    ... on AnalysisEvent {\n      analysis {\n        key\n        result {\n          __typename\n          summary\n          data\n          ... on TextResult {\n            language {\n              code\n            }\n            sentiment {\n              label\n              score\n            }\n          }\n        }\n      }\n      error {\n        code\n        message\n      }\n    }\n    ... on BatchEvent {\n      processed\n      failed\n      totalItems\n    }\n  }\n}"): typeof import('./graphql.js').EventsEndDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
