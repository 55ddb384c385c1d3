/** The statuses of an analysis. */
import type { AnalysisStatus } from './gql/graphql';

export const STATUSES: readonly AnalysisStatus[] = ['QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELED', 'TIMED_OUT'];

/** Whether an analysis of this status is yet to end. */
export const isOpen = (status: AnalysisStatus) => status === 'QUEUED' || status === 'RUNNING';
