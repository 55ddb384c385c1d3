import type { Feature } from '../../feature';

export default {
  pages: [{ path: 'queue', load: () => import('./Queue') }],
  rail: { label: 'Queue', icon: 'queue', path: 'queue', group: 'operate', order: 10 },
} satisfies Feature;
