/** The page's name, and links to the other pages. */
import { DASHBOARD, GRAPHQL, METRICS } from './address';
import { sessions, useSession } from './session';

export function Header() {
  const now = useSession();
  return (
    <header className="top">
      <h1>
        <a className="logo" href={GRAPHQL}>
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M16 1.5 28.6 8.8v14.4L16 30.5 3.4 23.2V8.8z" fill="#0f766e" />
            <path d="M10.5 21.5v-5M16 21.5v-11M21.5 21.5v-8" stroke="#fff" strokeWidth="3" strokeLinecap="round" />
          </svg>
          Assay <span className="quiet">GraphiQL</span>
        </a>
      </h1>
      <nav aria-label="Other pages">
        <a href={DASHBOARD}>Dashboard</a>
        <a href={METRICS}>Metrics</a>
        {now.state === 'in' && (
          <button type="button" title={`Signed in as ${now.viewer.name}`} onClick={() => void sessions.signOut()}>
            Sign out
          </button>
        )}
      </nav>
    </header>
  );
}
