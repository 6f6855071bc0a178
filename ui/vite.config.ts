import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { mockServer } from './dev/plugin.ts';

// With STAGEDOOR_URL set, the dev server passes /api on to a running stagedoor;
// without it, an in-memory catalog answers.
const backend = process.env.STAGEDOOR_URL;

export default defineConfig({
  plugins: [react(), backend ? [] : mockServer()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: backend ? { proxy: { '/api': backend, '/.backstage': backend } } : {},
  build: {
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // The Go server serves assets/ as immutable, so that names must carry the content hash.
    assetsDir: 'assets',
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: { include: ['src/**/*.test.ts'] },
});
