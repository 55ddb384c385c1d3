/** Resuming of the whole queue, from the banner and the palette. */
import { mutate } from '../data/client';
import { readQueue } from '../data/figures';
import { ResumeQueueDocument } from '../data/gql/graphql';
import { toast } from '../ui/toast';

export async function resume(): Promise<void> {
  try {
    const { userErrors } = (await mutate(ResumeQueueDocument, { analyzer: null })).resumeQueue;
    for (const error of userErrors) toast(error.message, 'failed');
  } catch (error) {
    toast((error as Error).message, 'failed');
  }
  void readQueue();
}
