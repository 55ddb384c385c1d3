import type { Feature } from '../../feature';

export default {
  pages: [{ path: '', load: () => import('./Overview') }],
  rail: { label: 'Overview', icon: 'overview', path: '', group: 'main', order: 1 },
} satisfies Feature;
