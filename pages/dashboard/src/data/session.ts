/** The caller's session, and the headers of its requests. */
import { Sessions, type Session } from '../../../shared/session.ts';
import { AUTH, GRAPHQL } from './address';
import { Store } from './store';

const AGAIN_MS = 1_000;

export const sessions = new Sessions(GRAPHQL, AUTH);
export const session = new Store<Session>(sessions.value);
sessions.listen(() => session.set(sessions.value));

/** Sends a request of the caller, and once more with a new token if the server refuses the present one. */
export async function send(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  for (let isFirst = true; ; isFirst = false) {
    const own = await sessions.headers();
    const response = await fetch(input, { ...init, headers: { ...(init.headers as Record<string, string>), ...own } });
    if (response.status !== 401 || session.value.state === 'open' || !isFirst) return response;
    sessions.refused(own['Authorization']);
  }
}

/** Saves a file of the caller. A link of its own could not send the headers. */
export async function save(address: string, name: string): Promise<void> {
  const response = await send(address);
  if (!response.ok) throw new Error(`The server answered with status ${response.status}.`);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Finds out whether there is a session. While the server does not respond, it is asked again. */
export async function begin(): Promise<void> {
  try {
    await sessions.begin();
  } catch {
    setTimeout(() => void begin(), AGAIN_MS);
  }
}
