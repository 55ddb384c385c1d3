/** The manifest of a feature: its pages, and its items of the rail. */
import type { ComponentType } from 'preact';
import type { IconName } from './ui/Icon';

/** The props of a page, from the router. */
export interface PageProps {
  params: Record<string, string>;
}

export interface Feature {
  /** Paths below the app's address, such as `analyses/:id`, with the module of the page. */
  pages: { path: string; load: () => Promise<{ default: ComponentType<PageProps> }> }[];
  rail?: { label: string; icon: IconName; path: string; group: 'main' | 'operate'; order: number };
}
