import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/* The page uses its own origin, and vite proxies requests and WebSockets to the server: no CORS. */
const target = process.env['ASSAY_URL'] ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [react()],
  server: {
    proxy: {
      '/graphql': {
        target,
        ws: true,
        // By default vite keeps a stream open after its server has ended, and the page would wait forever.
        configure: (proxy) => proxy.on('proxyRes', (stream, _request, response) => stream.on('error', () => response.destroy())),
      },
    },
  },
});
