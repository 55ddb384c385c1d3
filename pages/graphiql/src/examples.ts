/**
 * The saved operations of the Examples panel, one for each thing that Assay can do.
 *
 * Every one is valid against schema/schema.graphql (`npm run check` holds it) and runs as it opens (the browser test does).
 * Variables that need an id or a cursor take the last that an answer held.
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
    description: 'Is the server well, and what can it analyze?',
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
    description: 'Submit it and wait up to ten seconds for the result.',
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
    description: 'Three texts, one of them empty: it fails by name, the others run.',
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
    description: 'Answered before it has run; “Watch a batch” follows it.',
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
    description: 'Progress, rate and time to go, until it ends.',
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
    description: 'It as it is, then every change, until it ends.',
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
    description: 'What has happened, oldest first. “Watch all events” goes on from where it stops.',
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
    description: 'By type, from the last cursor on: first what was missed, then live.',
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
    description: 'Filtered, newest first, with the total; “after” turns the page.',
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
    description: 'What every result has, and what only a text’s result has.',
    query: `query ReadResult($id: ID!) {
  analysis(id: $id) {
    id
    status
    inputText
    options
    analyzer {
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
    description: 'The last batches, with the items that failed and why.',
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
    description: 'node(id) answers with whatever the id names.',
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
    description: 'Takes it back or stops it; one that has ended stays as it is.',
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
    description: 'Runs one that failed, was canceled or timed out once more.',
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
    description: 'Stops all of its items that have not ended.',
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
    description: 'Runs its failed, canceled and timed-out items again.',
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
#   Ctrl-Enter   runs this
#   Ctrl-Space   completes
#   Hover        explains a word
#
# On the left: schema, examples,
# explorer, and your history.

query Welcome {
  health {
    status
    recommendations
  }
  analyzers {
    name
    description
    scoreMeaning
  }
}
`;
