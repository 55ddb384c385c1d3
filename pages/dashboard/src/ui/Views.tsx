/** The saved views of a list, and a field for saving the present one. */
import { useState } from 'preact/hooks';
import { href } from '../data/address';
import { changed, type Query } from '../data/lists';
import { useStore } from '../data/store';
import { MOST_VIEWS, remove, save, views } from '../data/views';
import { Icon } from './Icon';
import { Menu } from './Menu';

export function Views({ path, query }: { path: string; query: Query }) {
  const all = useStore(views);
  const [name, setName] = useState('');
  const own = all.filter((view) => view.path === path);
  const isFull = all.length >= MOST_VIEWS && !own.some((view) => view.name === name.trim());
  const present = changed(query, {}) as Query;
  return (
    <Menu label="Views" icon="down" class="after">
      <ul class="entries">
        {own.length === 0 && <li class="quiet">No saved view.</li>}
        {own.map((view) => (
          <li key={view.name}>
            <a href={href(path, view.query)}>
              <bdi>{view.name}</bdi>
            </a>
            <button type="button" class="link" aria-label={`Remove the view ${view.name}`} onClick={() => remove(view)}>
              <Icon name="cross" />
            </button>
          </li>
        ))}
      </ul>
      <form
        class="save"
        onSubmit={(event) => {
          event.preventDefault();
          const { value } = event.currentTarget.querySelector('input')!; // a drawing may be due after the last key
          save({ name: value.trim(), path, query: present });
          setName('');
        }}
      >
        <label>
          Name of this view
          <input type="text" required maxLength={60} dir="auto" autocomplete="off" pattern=".*\S.*" value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <button disabled={isFull} title={isFull ? `The browser keeps at most ${MOST_VIEWS} views.` : undefined}>
          Save
        </button>
      </form>
    </Menu>
  );
}
