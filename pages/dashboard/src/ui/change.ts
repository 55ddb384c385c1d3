/** A change of the queue: its state, and its refusal for a place beside the control. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { queue } from '../data/figures';
import type { QueuePartsFragment } from '../data/gql/graphql';

interface Payload {
  queue: QueuePartsFragment | null;
  userErrors: { message: string }[];
}

export interface Change {
  isBusy: boolean;
  refusal: string | null;
  /** Returns whether the server did it. */
  make: (work: () => Promise<Payload>) => Promise<boolean>;
  forget: () => void;
}

export function useChange(): Change {
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const isMounted = useRef(true);
  useEffect(() => () => void (isMounted.current = false), []);
  const make = async (work: () => Promise<Payload>) => {
    setBusy(true);
    setRefusal(null);
    let refused: string | null = null;
    try {
      const payload = await work();
      if (payload.queue) queue.set(payload.queue);
      refused = payload.userErrors[0]?.message ?? null;
    } catch (error) {
      refused = (error as Error).message;
    }
    if (isMounted.current) {
      setBusy(false);
      setRefusal(refused);
    }
    return refused === null;
  };
  return { isBusy, refusal, make, forget: () => setRefusal(null) };
}
