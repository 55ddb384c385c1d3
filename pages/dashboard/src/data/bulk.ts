/** Actions on many analyses, which the server carries out. A dry run counts them first. */
import { mutate, rehearse } from './client';
import { RunBulkActionDocument, type AnalysisFilter, type BulkActionKind, type RunBulkActionMutation } from './gql/graphql';

/** The analyses of an action: selected ones, or all of a filter. */
export interface Target {
  ids?: string[];
  filter?: AnalysisFilter;
  /** The time of the displayed number. Later analyses are left out. */
  createdBefore?: string;
}

export interface Numbers {
  matched: number;
  eligible: number;
}

export interface Answer extends Numbers {
  id: string | null;
  /** The server's refusal, or null. */
  refusal: string | null;
}

function answerOf({ runBulkAction }: RunBulkActionMutation): Answer {
  const { action, matched, eligible, userErrors } = runBulkAction;
  return { id: action?.id ?? null, matched, eligible, refusal: userErrors[0]?.message ?? null };
}

export const countFor = async (kind: BulkActionKind, target: Target) =>
  answerOf(await rehearse(RunBulkActionDocument, { input: { kind, ...target, dryRun: true } }));

/** Starts an action. More eligible analyses than `expected` are refused. */
export const start = async (kind: BulkActionKind, target: Target, expected?: number) =>
  answerOf(await mutate(RunBulkActionDocument, { input: { kind, ...target, ...(expected !== undefined && { expected }) } }));

export const VERBS: Record<BulkActionKind, { now: string; running: string; past: string }> = {
  RETRY: { now: 'Retry', running: 'Retrying', past: 'Retried' },
  CANCEL: { now: 'Cancel', running: 'Canceling', past: 'Canceled' },
  DELETE: { now: 'Delete', running: 'Deleting', past: 'Deleted' },
};
