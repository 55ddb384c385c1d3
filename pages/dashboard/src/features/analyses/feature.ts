import type { Feature } from '../../feature';

export default {
  pages: [
    { path: 'analyses', load: () => import('./Analyses') },
    { path: 'analyses/:id', load: () => import('./Analysis') },
  ],
  rail: { label: 'Analyses', icon: 'list', path: 'analyses', group: 'main', order: 2 },
} satisfies Feature;
