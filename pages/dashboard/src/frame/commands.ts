/** Pausing and resuming of the whole queue, from the banner and the palette. */
import { mutate } from '../data/client';
import { readQueue } from '../data/figures';
import { PauseAllDocument, ResumeAllDocument } from '../data/gql/graphql';
import { toast } from '../ui/toast';

export async function pauseOrResume(isPause: boolean): Promise<void> {
  try {
    const { userErrors } = isPause ? (await mutate(PauseAllDocument, {})).pauseQueue : (await mutate(ResumeAllDocument, {})).resumeQueue;
    for (const error of userErrors) toast(error.message, 'failed');
  } catch (error) {
    toast((error as Error).message, 'failed');
  }
  readQueue();
}
