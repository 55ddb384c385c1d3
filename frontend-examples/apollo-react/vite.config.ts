import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/* The page asks its own origin, and vite passes that on to the server: no CORS, and the WebSocket goes the same way. */
const target = process.env['ASSAY_URL'] ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [react()],
  server: { proxy: { '/graphql': { target, ws: true } } },
});
