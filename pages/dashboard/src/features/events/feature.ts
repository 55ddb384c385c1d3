import type { Feature } from '../../feature';

export default {
  pages: [{ path: 'events', load: () => import('./Events') }],
  rail: { label: 'Events', icon: 'pulse', path: 'events', group: 'operate', order: 11 },
} satisfies Feature;
