/* Operations on batches. */
import { graphql } from "./generated";

export const BatchParts = graphql(`
  fragment BatchParts on Batch {
    id
    name
    status
    totalItems
    processed
    failed
    canceled
    timedOut
    running
    queued
    progress {
      fraction
      step
      etaSeconds
    }
    itemsPerSecond
    timeoutSeconds
    totalProcessingTimeMs
    createdAt
    startedAt
    finishedAt
  }
`);

export const Process = graphql(`
  mutation BatchProcess($input: BatchProcessInput!) {
    batchProcess(input: $input) {
      batch {
        ...BatchParts
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`);

export const CancelBatch = graphql(`
  mutation CancelBatch($input: CancelBatchInput!) {
    cancelBatch(input: $input) {
      batch {
        ...BatchParts
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`);

export const RetryBatch = graphql(`
  mutation RetryBatch($input: RetryBatchInput!) {
    retryBatch(input: $input) {
      batch {
        ...BatchParts
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`);

export const DeleteBatch = graphql(`
  mutation DeleteBatch($input: DeleteBatchInput!) {
    deleteBatch(input: $input) {
      deletedId
      userErrors {
        code
        message
        path
      }
    }
  }
`);

export const Results = graphql(`
  query BatchResults($id: ID!, $first: Int, $after: String, $status: [AnalysisStatus!]) {
    batch(id: $id) {
      ...BatchParts
      results(first: $first, after: $after, status: $status) {
        nodes {
          id
          key
          status
        }
        pageInfo {
          hasNextPage
          endCursor
        }
        totalCount
      }
      events(first: 10) {
        nodes {
          type
        }
      }
    }
  }
`);

export const Batches = graphql(`
  query Batches($status: [BatchStatus!], $first: Int, $after: String) {
    batches(filter: { status: $status }, first: $first, after: $after) {
      edges {
        cursor
        node {
          ...BatchParts
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
      totalCount
    }
  }
`);
