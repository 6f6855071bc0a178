import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { mockServer } from './dev/plugin.ts';

// With STAGEDOOR_URL set, the dev server passes /api on to a running stagedoor;
// without it, an in-memory catalog answers.
const backend = process.env.STAGEDOOR_URL;

/**
 * Puts the eager style sheet into the page: one round trip less before the first
 * paint. The server gives the <style> element its nonce, see README.md.
 */
function inlineStyles(): Plugin {
  return {
    name: 'stagedoor-inline-styles',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        return html.replace(
          /<link rel="stylesheet"[^>]* href="\/([^"]+)">/,
          (link, name: string) => {
            const asset = bundle?.[name];
            if (asset?.type !== 'asset') return link;
            const css = String(asset.source).replaceAll('</', '<\\/');
            return `<style data-eager>${css}</style>`;
          },
        );
      },
    },
  };
}

export default defineConfig({
  plugins: [react(), inlineStyles(), backend ? [] : mockServer()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: backend ? { proxy: { '/api/': backend, '/.backstage': backend } } : {},
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
