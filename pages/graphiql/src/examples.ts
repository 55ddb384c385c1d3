/**
 * The saved operations of the Examples panel, one for each feature of Assay.
 *
 * Each is valid against schema/schema.graphql (checked by `npm run check`) and runs as opened (checked by the browser test).
 * Variables for an id or a cursor have the last one of a response.
 */
import type { Seen } from './seen';

export interface Example {
  group: string;
  title: string;
  description: string;
  query: string;
  variables?: (seen: Seen) => Record<string, unknown>;
}

const ANY_ANALYSIS = 'analysis_00000000000000000000000000';
const ANY_BATCH = 'batch_00000000000000000000000000';

const theAnalysis = ({ analysis = ANY_ANALYSIS }: Seen) => ({ id: analysis });
const theBatch = ({ batch = ANY_BATCH }: Seen) => ({ id: batch });

export const EXAMPLES: readonly Example[] = [
  {
    group: 'Start here',
    title: 'First look',
    description: 'The server’s health and its analyzers.',
    query: `query FirstLook {
  health {
    status
    components {
      name
      status
      message
    }
    recommendations
  }
  analyzers {
    id
    name
    version
    description
    scoreMeaning
    resultTypeName
  }
}
`,
  },
  {
    group: 'Submit',
    title: 'Analyze a text',
    description: 'Submits a text and waits up to ten seconds for the result.',
    query: `mutation AnalyzeText($input: SubmitAnalysisInput!) {
  submitAnalysis(input: $input) {
    analysis {
      id
      status
      processingTimeMs
      result {
        score
        tags
        summary
      }
      error {
        code
        message
      }
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,
    variables: () => ({
      input: {
        request: {
          text: {
            text: 'The new trains are wonderful: quiet, quick and never late. Only the coffee is still terrible.',
          },
        },
        waitSeconds: 10,
      },
    }),
  },
  {
    group: 'Submit',
    title: 'A batch with one bad item',
    description: 'Three texts: the empty one fails with its key, the others run.',
    query: `mutation AnalyzeBatch($input: BatchProcessInput!) {
  batchProcess(input: $input) {
    batch {
      id
      status
      totalItems
      processed
      failed
      results {
        nodes {
          id
          key
          status
          result {
            summary
          }
          error {
            code
            message
          }
        }
      }
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,
    variables: () => ({
      input: {
        name: 'Three reviews',
        waitSeconds: 10,
        items: [
          { key: 'praise', request: { text: { text: 'A delight from the first page to the last.' } } },
          { key: 'empty', request: { text: { text: '' } } },
          { key: 'complaint', request: { text: { text: 'It broke within a week, and nobody answered my letters.' } } },
        ],
      },
    }),
  },
  {
    group: 'Submit',
    title: 'A batch of sixty',
    description: 'Responds before the batch has run; “Watch a batch” follows it.',
    query: `mutation StartBatch($input: BatchProcessInput!) {
  batchProcess(input: $input) {
    batch {
      id
      status
      totalItems
      queued
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,
    variables: () => ({
      input: {
        name: 'Sixty notes',
        items: Array.from({ length: 60 }, (_, index) => ({
          key: `note-${index + 1}`,
          request: { text: { text: `Note ${index + 1}: the harbour was calm, and the boats came home early.` } },
        })),
      },
    }),
  },
  {
    group: 'Watch',
    title: 'Watch a batch',
    description: 'Progress, rate and remaining time, until the batch ends.',
    query: `subscription WatchBatch($id: ID!) {
  batch(id: $id) {
    id
    status
    progress {
      fraction
      step
      etaSeconds
    }
    processed
    failed
    running
    queued
    itemsPerSecond
  }
}
`,
    variables: theBatch,
  },
  {
    group: 'Watch',
    title: 'Watch an analysis',
    description: 'The current state, then every change, until the analysis ends.',
    query: `subscription WatchAnalysis($id: ID!) {
  analysis(id: $id) {
    id
    status
    attempt
    progress {
      fraction
      step
      etaSeconds
    }
    result {
      summary
    }
  }
}
`,
    variables: theAnalysis,
  },
  {
    group: 'Watch',
    title: 'Read the event log',
    description: 'Past events, oldest first. “Watch all events” continues after the last one.',
    query: `query ReadEvents($filter: EventFilter, $first: Int, $after: String) {
  events(filter: $filter, first: $first, after: $after) {
    nodes {
      cursor
      type
      occurredAt
      subjectId
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    variables: () => ({ filter: {}, first: 10, after: null }),
  },
  {
    group: 'Watch',
    title: 'Watch all events',
    description: 'By type, after the last cursor: first missed events, then live ones.',
    query: `subscription WatchEvents($filter: EventFilter, $after: String) {
  events(filter: $filter, after: $after) {
    cursor
    type
    occurredAt
    subjectId
    ... on AnalysisEvent {
      status
      progress {
        fraction
      }
      error {
        code
        message
      }
    }
    ... on BatchEvent {
      batchStatus: status
      processed
      failed
      totalItems
    }
  }
}
`,
    variables: ({ cursor }) => ({
      filter: {
        types: ['ANALYSIS_STARTED', 'ANALYSIS_COMPLETED', 'ANALYSIS_FAILED', 'BATCH_PROGRESS', 'BATCH_COMPLETED'],
      },
      after: cursor ?? null,
    }),
  },
  {
    group: 'Watch',
    title: 'Live metrics',
    description: 'Load, queue, workers and latency, every two seconds.',
    query: `subscription LiveMetrics($intervalSeconds: Float) {
  metrics(intervalSeconds: $intervalSeconds) {
    timestamp
    instance
    uptimeSeconds
    system {
      cpuPercent
      memoryMb
    }
    queue {
      depth
      running
      oldestSeconds
      byPriority {
        priority
        depth
      }
    }
    batches {
      running
      itemsPerSecond
    }
    http {
      requestsTotal
      errorsTotal
      latency {
        p50Ms
        p95Ms
        p99Ms
      }
    }
    workers {
      id
      instance
      alive
      completed
      failed
    }
    health {
      status
      recommendations
    }
  }
}
`,
    variables: () => ({ intervalSeconds: 2 }),
  },
  {
    group: 'Read',
    title: 'Page through analyses',
    description: 'Filtered, newest first, with the total; “after” selects the page.',
    query: `query PageAnalyses($filter: AnalysisFilter, $orderBy: AnalysisOrder, $first: Int, $after: String) {
  analyses(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
    totalCount
    nodes {
      id
      key
      status
      inputText
      createdAt
      processingTimeMs
      result {
        score
        summary
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    variables: () => ({
      filter: { status: ['COMPLETED', 'FAILED'], analyzer: ['text'] },
      orderBy: { field: 'CREATED_AT', direction: 'DESC' },
      first: 5,
      after: null,
    }),
  },
  {
    group: 'Read',
    title: 'Read a typed result',
    description: 'The fields of all results, and those of a text’s result.',
    query: `query ReadResult($id: ID!) {
  analysis(id: $id) {
    id
    status
    inputText
    options
    analyzer {
      id
      name
      scoreMeaning
    }
    result {
      __typename
      score
      tags
      summary
      ... on TextResult {
        language {
          code
          name
          reliable
        }
        sentiment {
          label
          score
        }
        keywords {
          text
          score
          count
        }
        statistics {
          words
          sentences
          readingTimeSeconds
          readability {
            level
            readingEase
          }
        }
        unavailable {
          operation
          message
        }
      }
    }
    error {
      code
      message
      retryable
    }
  }
}
`,
    variables: theAnalysis,
  },
  {
    group: 'Read',
    title: 'Batches and their items',
    description: 'The last batches, with their failed items and the errors.',
    query: `query PageBatches($first: Int) {
  batches(first: $first) {
    totalCount
    nodes {
      id
      name
      status
      totalItems
      processed
      failed
      totalProcessingTimeMs
      results(first: 5, status: [FAILED]) {
        nodes {
          id
          key
          error {
            code
            message
          }
        }
      }
    }
  }
}
`,
    variables: () => ({ first: 5 }),
  },
  {
    group: 'Read',
    title: 'Anything by its id',
    description: 'node(id) returns the object of any id.',
    query: `query AnyNode($id: ID!) {
  node(id: $id) {
    __typename
    id
    ... on Analysis {
      analysisStatus: status
      batch {
        id
      }
      events(first: 10) {
        nodes {
          type
          occurredAt
        }
      }
    }
    ... on Batch {
      batchStatus: status
      totalItems
    }
    ... on Analyzer {
      name
    }
    ... on Worker {
      instance
      alive
    }
  }
}
`,
    variables: theAnalysis,
  },
  {
    group: 'Control',
    title: 'Cancel an analysis',
    description: 'Cancels a queued or running analysis; a finished one is refused.',
    query: `mutation CancelAnalysis($input: CancelAnalysisInput!) {
  cancelAnalysis(input: $input) {
    analysis {
      id
      status
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,
    variables: (seen) => ({ input: theAnalysis(seen) }),
  },
  {
    group: 'Control',
    title: 'Retry an analysis',
    description: 'Queues a failed, canceled or timed-out analysis again.',
    query: `mutation RetryAnalysis($input: RetryAnalysisInput!) {
  retryAnalysis(input: $input) {
    analysis {
      id
      status
      attempt
      maxAttempts
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,
    variables: (seen) => ({ input: theAnalysis(seen) }),
  },
  {
    group: 'Control',
    title: 'Cancel a batch',
    description: 'Cancels all unfinished items of a batch.',
    query: `mutation CancelBatch($input: CancelBatchInput!) {
  cancelBatch(input: $input) {
    batch {
      id
      status
      processed
      canceled
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,
    variables: (seen) => ({ input: theBatch(seen) }),
  },
  {
    group: 'Control',
    title: 'Retry a batch',
    description: 'Queues its failed, canceled and timed-out items again.',
    query: `mutation RetryBatch($input: RetryBatchInput!) {
  retryBatch(input: $input) {
    batch {
      id
      status
      queued
      processed
      failed
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,
    variables: (seen) => ({ input: theBatch(seen) }),
  },
];

export const WELCOME = `# Welcome to Assay.
#
#   Ctrl-Enter   runs the operation
#   Ctrl-Space   completes a word
#   Hover        explains a word
#
# The icons: schema, examples,
# explorer, and your history.

query Welcome {
  health {
    status
    recommendations
  }
  analyzers {
    id
    name
    description
    scoreMeaning
  }
}
`;
