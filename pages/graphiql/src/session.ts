/** The caller's session. A header in GraphiQL's own editor takes the place of the session's. */
import { useSyncExternalStore } from 'react';
import { Sessions, type Session } from '../../shared/session';
import { AUTH, GRAPHQL } from './address';

export const sessions = new Sessions(GRAPHQL, AUTH);

const listen = (listener: () => void) => sessions.listen(listener);

export const useSession = (): Session => useSyncExternalStore(listen, () => sessions.value);

const isGiven = (headers: Record<string, string>) => Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');

/** Returns the headers of a request: the given ones and those of the session. Waits until somebody is signed in. */
export async function withSession(given: Record<string, string>): Promise<Record<string, string>> {
  return isGiven(given) ? given : { ...(await sessions.headers()), ...given };
}

/** Sends a request of the session, and once more after a refresh if the server refuses its token. */
export async function send(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const given = (init.headers ?? {}) as Record<string, string>;
  for (let isFirst = true; ; isFirst = false) {
    const headers = await withSession(given);
    const response = await fetch(input, { ...init, headers });
    if (response.status !== 401 || sessions.value.state === 'open' || isGiven(given) || !isFirst) return response;
    sessions.refused(headers['Authorization']);
  }
}

export async function begin(): Promise<void> {
  try {
    await sessions.begin();
  } catch {
    setTimeout(() => void begin(), 1_000);
  }
}
