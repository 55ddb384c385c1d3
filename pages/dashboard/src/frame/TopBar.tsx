/** Name, search, state of the connection, and the way to a new analysis. */
import { useLocation } from 'preact-iso';
import { BASE, href, hrefOf, idOf } from '../data/address';
import { clockTime } from '../data/clock';
import { connection } from '../data/socket';
import { useStore } from '../data/store';
import { Icon } from '../ui/Icon';
import { Account } from './Account';
import { Logo } from './Logo';
import { PALETTE_KEYS, showPalette } from './PaletteHost';

export function Pill() {
  const at = useStore(connection);
  const text =
    at.state === 'connecting'
      ? 'Connecting…'
      : at.state === 'live'
        ? 'Live'
        : at.state === 'reconnecting'
          ? 'Reconnecting…'
          : `Stale since ${clockTime(at.since)}`;
  const more = at.state !== 'stale' ? undefined : at.open ? 'The connection is open, but no data arrives.' : 'The server does not respond. The page keeps trying.';
  return (
    <span class="pill" data-state={at.state} role="status" title={more}>
      {text}
    </span>
  );
}

/** Leads to the page of an id, otherwise to the analyses with the text. */
function Find() {
  const { route } = useLocation();
  return (
    <form
      class="find"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        const field = event.currentTarget.elements.namedItem('q') as HTMLInputElement;
        const text = field.value.trim();
        if (!text) return;
        const id = idOf(text);
        route(id ? hrefOf(id) : href('analyses', { q: text }));
        field.value = '';
        field.blur();
      }}
    >
      <label class="box">
        <Icon name="search" />
        <span class="hidden">Search analyses</span>
        <input id="find" name="q" type="search" placeholder="Words, a key or an id" autocomplete="off" maxLength={200} />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <button type="button" class="palette-keys" aria-label={`Palette, ${PALETTE_KEYS}`} title="Palette: pages, views, commands, objects" onClick={showPalette}>
        <kbd>{PALETTE_KEYS}</kbd>
      </button>
    </form>
  );
}

export function TopBar() {
  return (
    <header class="top">
      <a class="brand" href={BASE} aria-label="Assay, overview">
        <Logo />
        <span>Assay</span>
      </a>
      <Find />
      <Pill />
      <Account />
      <a class="button primary" href={href('new')}>
        <Icon name="plus" />
        New analysis
      </a>
    </header>
  );
}
