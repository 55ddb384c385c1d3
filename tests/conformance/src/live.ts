/* Subscriptions and metrics. */
import { graphql } from "./generated";

export const EventParts = graphql(`
  fragment EventParts on Event {
    __typename
    cursor
    type
    occurredAt
    subjectId
    ... on AnalysisEvent {
      analysisStatus: status
      progress {
        fraction
      }
      error {
        code
      }
      analysis {
        id
      }
    }
    ... on BatchEvent {
      batchStatus: status
      totalItems
      processed
      failed
      progress {
        fraction
      }
      batch {
        id
      }
    }
  }
`);

export const Events = graphql(`
  query Events($filter: EventFilter, $first: Int, $after: String) {
    events(filter: $filter, first: $first, after: $after) {
      edges {
        cursor
        node {
          ...EventParts
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const WatchEvents = graphql(`
  subscription WatchEvents($filter: EventFilter, $after: String) {
    events(filter: $filter, after: $after) {
      ...EventParts
    }
  }
`);

export const WatchAnalysis = graphql(`
  subscription WatchAnalysis($id: ID!) {
    analysis(id: $id) {
      id
      status
      progress {
        fraction
      }
    }
  }
`);

export const WatchBatch = graphql(`
  subscription WatchBatch($id: ID!) {
    batch(id: $id) {
      id
      status
      processed
      itemsPerSecond
      progress {
        etaSeconds
      }
    }
  }
`);

export const WatchMetrics = graphql(`
  subscription WatchMetrics($intervalSeconds: Float) {
    metrics(intervalSeconds: $intervalSeconds) {
      timestamp
      queue {
        depth
      }
    }
  }
`);

export const Metrics = graphql(`
  query Metrics {
    metrics {
      timestamp
      instance
      uptimeSeconds
      system {
        cpuPercent
        memoryPercent
        memoryMb
        diskPercent
      }
      http {
        requestsTotal
        errorsTotal
        inFlight
        latency {
          p50Ms
          p95Ms
          p99Ms
        }
        operations {
          name
          count
          errors
        }
      }
      batches {
        total
        running
        itemsProcessed
        itemsFailed
        itemsPerSecond
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
      workers {
        id
        instance
        alive
        lastSeenAt
        startedAt
        completed
        failed
        cpuPercent
        memoryMb
        current {
          id
        }
      }
      storage {
        databaseBytes
        analyses
        events
      }
      subscriptions {
        connections
        active
        delivered
        overflowed
      }
    }
    health {
      status
      components {
        name
        status
        message
        latencyMs
      }
      recommendations
    }
  }
`);
