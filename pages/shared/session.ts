/**
 * The caller's session in the browser, for the dashboard and GraphiQL.
 *
 * The access token is in memory. The refresh token is in a cookie that no script can read, and that only `/auth` receives.
 * One tab at a time refreshes it, a minute before the access token ends; the other tabs hear the new access token. On an
 * open server there is no session.
 */
export interface Viewer {
  name: string;
  isSignedIn: boolean;
  isAdministrator: boolean;
  role: string;
  workspace: { slug: string; name: string };
  memberships: { workspace: { slug: string; name: string } }[];
}

export type Session =
  | { state: 'unknown' }
  /** An open server: everybody is the local administrator. */
  | { state: 'open' }
  | { state: 'in'; viewer: Viewer }
  /** `reason` is empty before the first sign-in of this page. */
  | { state: 'out'; reason: string };

interface Token {
  value: string;
  /** Milliseconds since 1970, by this machine's clock. */
  expiresAt: number;
}

type News = { token: Token } | 'out';

export const VIEWER = `query SessionViewer {
  viewer { name isSignedIn isAdministrator role workspace { slug name } memberships { workspace { slug name } } }
}`;

export const ACCEPT_INVITATION = `mutation SessionInvitation($invitation: String!, $password: String!) {
  acceptInvitation(input: { invitation: $invitation, password: $password }) { viewer { name } userErrors { message } }
}`;

const NAME = 'assay-session';
const WORKSPACE = 'assay-workspace';
/** A token is refreshed this many milliseconds before its end. */
const EARLY_MS = 60_000;
const RETRY_MS = 5_000;
const UNREACHABLE = 'The server did not respond. Is it running?';

/** Whether the browser keeps the cookie of the session: only over HTTPS, and on this machine. */
export const keepsSession = () => isSecureContext;

export class Sessions {
  private current: Session = { state: 'unknown' };
  private token: Token | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly listeners = new Set<() => void>();
  private readonly channel = new BroadcastChannel(NAME);
  /** The caller whose data this page shows. */
  private shown: string | undefined;

  /** `graphql` and `auth` are the server's addresses; that of `auth` ends with a slash. */
  constructor(
    private readonly graphql: string,
    private readonly auth: string,
  ) {
    this.channel.onmessage = ({ data }: MessageEvent<News>) => {
      if (data === 'out') this.end('You have signed out in another tab.');
      else void this.take(data.token);
    };
  }

  get value(): Session {
    return this.current;
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Finds out whether there is a session. Throws if the server does not respond. */
  async begin(): Promise<void> {
    const viewer = await this.viewer();
    if (viewer && !viewer.isSignedIn) return this.set({ state: 'open' });
    if (!(await this.refresh())) this.set({ state: 'out', reason: '' });
  }

  /** Returns the headers of a request. Waits until somebody is signed in, and until the server gives a new token. */
  async headers(): Promise<Record<string, string>> {
    while (this.current.state !== 'open') {
      if (this.token && this.token.expiresAt > Date.now()) return this.own();
      if (this.current.state !== 'in') await this.change();
      else if (!(await this.refresh())) await new Promise((done) => setTimeout(done, RETRY_MS));
    }
    return {};
  }

  /** Notes that the server has refused this header: the next one is new, or waits for a sign-in. */
  refused(authorization: string | undefined): void {
    if (this.token && authorization === `Bearer ${this.token.value}`) this.token.expiresAt = 0;
  }

  /** Signs in. Returns the reason why it failed, or null. */
  async signIn(username: string, password: string): Promise<string | null> {
    const answer = await this.post('token', { username, password, cookie: true });
    if (typeof answer === 'string') return answer;
    await this.share(answer);
    return null;
  }

  /** Sets the password of an invited user, and signs in. Returns the reason why it failed, or null. */
  async accept(invitation: string, password: string): Promise<string | null> {
    try {
      const { acceptInvitation } = await this.ask<{ acceptInvitation: { viewer: { name: string } | null; userErrors: { message: string }[] } }>(
        ACCEPT_INVITATION,
        { invitation, password },
      );
      const { viewer, userErrors } = acceptInvitation;
      if (userErrors[0]) return userErrors[0].message;
      return viewer ? await this.signIn(viewer.name, password) : 'Your password is set, but you are in no workspace yet: ask an administrator.';
    } catch (error) {
      return (error as Error).message;
    }
  }

  async signOut(): Promise<void> {
    await this.post('sign-out', {});
    this.channel.postMessage('out' satisfies News);
    this.end('');
  }

  /** Continues in another workspace of the caller. */
  enter(slug: string): void {
    localStorage.setItem(WORKSPACE, slug);
    location.reload();
  }

  private own(): Record<string, string> {
    const workspace = localStorage.getItem(WORKSPACE);
    return { ...(this.token && { Authorization: `Bearer ${this.token.value}` }), ...(workspace && { 'X-Assay-Workspace': workspace }) };
  }

  private set(session: Session): void {
    this.current = session;
    for (const listener of this.listeners) listener();
  }

  private change(): Promise<void> {
    return new Promise((done) => {
      const end = this.listen(() => {
        end();
        done();
      });
    });
  }

  private end(reason: string): void {
    this.token = undefined;
    clearTimeout(this.timer);
    this.set({ state: 'out', reason });
  }

  /** Takes a new token, and reads who the caller is. */
  private async take(token: Token): Promise<void> {
    this.token = token;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), token.expiresAt - Date.now() - EARLY_MS);
    if (this.current.state === 'in') return;
    const viewer = (await this.viewer()) ?? (localStorage.removeItem(WORKSPACE), await this.viewer()); // no longer a member there
    if (!viewer) return;
    if (this.shown !== undefined && this.shown !== viewer.name) location.reload();
    this.shown = viewer.name;
    this.set({ state: 'in', viewer });
  }

  private async share(token: Token): Promise<void> {
    await this.take(token);
    this.channel.postMessage({ token } satisfies News);
  }

  /** Gets a new access token, unless another tab has got one meanwhile. Returns whether there is one. */
  private async refresh(): Promise<boolean> {
    const before = this.token;
    const work = async () => {
      if (this.token && this.token !== before) return true;
      const answer = await this.post('refresh', {});
      if (answer === UNREACHABLE) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => void this.refresh(), RETRY_MS);
        return false;
      }
      if (typeof answer === 'string') {
        if (this.current.state === 'in') this.end('Your session has ended.');
        return false;
      }
      await this.share(answer);
      return true;
    };
    // Without HTTPS there are no locks between tabs. Two refreshes at once get the same token.
    return 'locks' in navigator ? navigator.locks.request(NAME, work) : work();
  }

  /** Returns the token of a response, or the reason for none. */
  private async post(path: string, body: object): Promise<Token | string> {
    let response: Response;
    try {
      response = await fetch(this.auth + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'GraphQL-Require-Preflight': '1' },
        body: JSON.stringify(body),
      });
    } catch {
      return UNREACHABLE;
    }
    if (response.status >= 500) return UNREACHABLE;
    const answer = (await response.json().catch(() => ({}))) as { access_token?: string; expires_in?: number; error_description?: string };
    if (answer.access_token) return { value: answer.access_token, expiresAt: Date.now() + 1000 * (answer.expires_in ?? 0) };
    return answer.error_description ?? `The server answered with status ${response.status}.`;
  }

  private async viewer(): Promise<Viewer | null> {
    return (await this.ask<{ viewer: Viewer | null } | null>(VIEWER, {}))?.viewer ?? null;
  }

  private async ask<T>(query: string, variables: object): Promise<T> {
    const response = await fetch(this.graphql, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...this.own() },
      body: JSON.stringify({ query, variables }),
    }).catch(() => {
      throw new Error(UNREACHABLE);
    });
    return ((await response.json()) as { data: T }).data;
  }
}
