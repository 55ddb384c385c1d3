/** The Examples panel: a click opens an operation with its variables in a new tab. */
import { type GraphiQLPlugin, useGraphiQLActions } from '@graphiql/react';
import { EXAMPLES, type Example } from './examples';
import { isNarrow } from './narrow';
import { seen } from './seen';
import { useOpen } from './useOpen';

const GROUPS = [...new Set(EXAMPLES.map(({ group }) => group))];

function kindOf({ query }: Example): string {
  return query.slice(0, query.indexOf(' '));
}

function Icon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path
        strokeLinecap="round"
        strokeLinejoin="round"
        d="M9.5 3h5M10.5 3v6.2L4.9 18.4A1.7 1.7 0 0 0 6.4 21h11.2a1.7 1.7 0 0 0 1.5-2.6L13.5 9.2V3M7.6 14.5h8.8"
      />
    </svg>
  );
}

function Panel() {
  const openTab = useOpen();
  const { setVisiblePlugin } = useGraphiQLActions();

  function open({ query, variables }: Example) {
    openTab(query, variables ? JSON.stringify(variables(seen()), null, 2) : '');
    if (isNarrow()) setVisiblePlugin(null); // the panel covers the editor
  }

  return (
    <section className="examples" aria-label="Examples">
      <h2 className="examples-title">Examples</h2>
      <p className="examples-note">Each example opens in a new tab, with the ids and cursors of the last response.</p>
      {GROUPS.map((group) => (
        <div key={group}>
          <h3 className="examples-group">{group}</h3>
          <ul className="examples-list">
            {EXAMPLES.filter((example) => example.group === group).map((example) => (
              <li key={example.title}>
                <button type="button" className="examples-item" onClick={() => open(example)}>
                  <span className="examples-name">{example.title}</span>
                  <span className={`examples-kind examples-${kindOf(example)}`}>{kindOf(example)}</span>
                  <span className="examples-description">{example.description}</span>
                </button>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

export const EXAMPLES_PLUGIN: GraphiQLPlugin = { title: 'Examples', icon: Icon, content: Panel };
