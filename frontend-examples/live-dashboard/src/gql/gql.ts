/* eslint-disable */
import * as types from './graphql';



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
    "subscription Figures {\n  metrics(intervalSeconds: 1) {\n    timestamp\n    queue {\n      depth\n      throughput {\n        lastTenSeconds\n      }\n      latency {\n        total {\n          p50Ms\n        }\n      }\n    }\n    workers {\n      busy\n    }\n    system {\n      cpuPercent\n      memoryMb\n    }\n  }\n}\n\nquery EventsEnd {\n  eventsEnd\n}\n\nsubscription Events($after: String!) {\n  events(after: $after) {\n    cursor\n    type\n    occurredAt\n    subjectId\n  }\n}\n\nquery Batches($first: Int!) {\n  batches(first: $first) {\n    nodes {\n      id\n      name\n      status\n      totalItems\n      processed\n      failed\n      canceled\n      timedOut\n      itemsPerSecond\n      progress {\n        fraction\n        etaSeconds\n      }\n    }\n    totalCount\n  }\n}\n\nmutation CancelBatch($id: ID!) {\n  cancelBatch(input: {id: $id}) {\n    batch {\n      status\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation SubmitBatch($name: String!, $items: [BatchItem!]!) {\n  batchProcess(input: {name: $name, items: $items}) {\n    batch {\n      id\n    }\n    userErrors {\n      message\n    }\n  }\n}": typeof types.FiguresDocument,
};
const documents: Documents = {
    "subscription Figures {\n  metrics(intervalSeconds: 1) {\n    timestamp\n    queue {\n      depth\n      throughput {\n        lastTenSeconds\n      }\n      latency {\n        total {\n          p50Ms\n        }\n      }\n    }\n    workers {\n      busy\n    }\n    system {\n      cpuPercent\n      memoryMb\n    }\n  }\n}\n\nquery EventsEnd {\n  eventsEnd\n}\n\nsubscription Events($after: String!) {\n  events(after: $after) {\n    cursor\n    type\n    occurredAt\n    subjectId\n  }\n}\n\nquery Batches($first: Int!) {\n  batches(first: $first) {\n    nodes {\n      id\n      name\n      status\n      totalItems\n      processed\n      failed\n      canceled\n      timedOut\n      itemsPerSecond\n      progress {\n        fraction\n        etaSeconds\n      }\n    }\n    totalCount\n  }\n}\n\nmutation CancelBatch($id: ID!) {\n  cancelBatch(input: {id: $id}) {\n    batch {\n      status\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation SubmitBatch($name: String!, $items: [BatchItem!]!) {\n  batchProcess(input: {name: $name, items: $items}) {\n    batch {\n      id\n    }\n    userErrors {\n      message\n    }\n  }\n}": types.FiguresDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "subscription Figures {\n  metrics(intervalSeconds: 1) {\n    timestamp\n    queue {\n      depth\n      throughput {\n        lastTenSeconds\n      }\n      latency {\n        total {\n          p50Ms\n        }\n      }\n    }\n    workers {\n      busy\n    }\n    system {\n      cpuPercent\n      memoryMb\n    }\n  }\n}\n\nquery EventsEnd {\n  eventsEnd\n}\n\nsubscription Events($after: String!) {\n  events(after: $after) {\n    cursor\n    type\n    occurredAt\n    subjectId\n  }\n}\n\nquery Batches($first: Int!) {\n  batches(first: $first) {\n    nodes {\n      id\n      name\n      status\n      totalItems\n      processed\n      failed\n      canceled\n      timedOut\n      itemsPerSecond\n      progress {\n        fraction\n        etaSeconds\n      }\n    }\n    totalCount\n  }\n}\n\nmutation CancelBatch($id: ID!) {\n  cancelBatch(input: {id: $id}) {\n    batch {\n      status\n    }\n    userErrors {\n      message\n    }\n  }\n}\n\nmutation SubmitBatch($name: String!, $items: [BatchItem!]!) {\n  batchProcess(input: {name: $name, items: $items}) {\n    batch {\n      id\n    }\n    userErrors {\n      message\n    }\n  }\n}"): typeof import('./graphql').FiguresDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
