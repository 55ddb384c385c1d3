/** The state of the last operation, for the line below the response. */
export type Status =
  | { state: 'idle' }
  | { state: 'waiting' }
  | { state: 'answered'; code: number; milliseconds: number }
  | { state: 'live'; messages: number }
  | { state: 'reconnecting'; messages: number }
  | { state: 'ended'; messages: number }
  | { state: 'failed' };

let current: Status = { state: 'idle' };
const listeners = new Set<() => void>();

export function getStatus(): Status {
  return current;
}

export function setStatus(status: Status): void {
  current = status;
  for (const listener of listeners) listener();
}

export function onStatus(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
