import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/* The page uses its own origin, and vite proxies requests and WebSockets to the server: no CORS. */
const target = process.env['ASSAY_URL'] ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [react()],
  server: { proxy: { '/graphql': { target, ws: true } } },
});
