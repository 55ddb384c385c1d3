/** The frame around all pages. It moves the focus to the title of a new page, and Back restores focus and scroll. */
import { Router, useLocation } from 'preact-iso';
import { useEffect, useRef } from 'preact/hooks';
import { isReadable, moved } from '../data/address';
import { save, session } from '../data/session';
import { connection } from '../data/socket';
import { useStore } from '../data/store';
import { NoPage, routes } from '../routes';
import { approach, leave } from '../ui/arrival';
import { toast } from '../ui/toast';
import { Banner, Notices } from './Banner';
import './frame.css';
import { Guard } from './Guard';
import { PaletteHost } from './PaletteHost';
import { BottomBar, Rail } from './Rail';
import { Shortcuts } from './Shortcuts';
import { Toasts } from './Toasts';
import { TopBar } from './TopBar';

/** Notices departures and arrivals. The first page of a visit is no arrival. */
function usePlaces(): void {
  const { url, path } = useLocation();
  const shown = useRef({ url, path });
  const isBack = useRef(false);
  if (shown.current.path !== path) approach(url, isBack.current);
  shown.current = { url, path };
  useEffect(() => {
    const departs = (event: Event) => {
      leave(shown.current.url, (event.target as Element | null)?.closest?.('main a')?.getAttribute('href') ?? null);
      isBack.current = false;
    };
    const types = () => void (isBack.current = false);
    const returns = () => void (isBack.current = true);
    history.scrollRestoration = 'manual';
    addEventListener('click', departs, true);
    addEventListener('keydown', types, true);
    addEventListener('popstate', returns, true);
    return () => {
      removeEventListener('click', departs, true);
      removeEventListener('keydown', types, true);
      removeEventListener('popstate', returns, true);
    };
  }, []);
}

/** A link to a file sends no headers: the files of a signed-in caller are fetched. */
function useDownloads(): void {
  useEffect(() => {
    const clicks = (event: MouseEvent) => {
      const link = (event.target as Element).closest<HTMLAnchorElement>('a[download]');
      if (!link || session.value.state !== 'in') return;
      event.preventDefault();
      save(link.href, link.download).catch((error: Error) => toast(error.message, 'failed'));
    };
    addEventListener('click', clicks);
    return () => removeEventListener('click', clicks);
  }, []);
}

export function Frame() {
  const { state } = useStore(connection);
  const { route, url, path } = useLocation();
  usePlaces();
  useDownloads();
  useEffect(() => {
    const changed = () => {
      const page = moved(location.hash);
      if (page) route(page, true);
    };
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return (
    <>
      <a class="hidden skip" href="#main">
        Skip to content
      </a>
      <div class="frame">
        <TopBar />
        <Rail />
        <main id="main" tabIndex={-1} class={state === 'stale' ? 'is-stale' : ''}>
          <Banner />
          <Notices />
          <Guard url={url}>{isReadable(path) ? <Router>{routes}</Router> : <NoPage />}</Guard>
        </main>
      </div>
      <BottomBar />
      <Shortcuts />
      <PaletteHost />
      <Toasts />
    </>
  );
}
