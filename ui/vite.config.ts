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

/** Has the browser fetch what the first script imports while the static page is painted. */
function preloadMain(): Plugin {
  return {
    name: 'stagedoor-preload-main',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_, { bundle = {} }) {
        const wanted = new Set<string>();
        const follow = (name: string) => {
          const chunk = bundle[name];
          if (chunk?.type !== 'chunk' || wanted.has(name)) return;
          wanted.add(name);
          chunk.imports.forEach(follow);
        };
        for (const chunk of Object.values(bundle)) {
          if (chunk.type === 'chunk' && chunk.facadeModuleId?.endsWith('/src/main.tsx')) {
            follow(chunk.fileName);
          }
        }
        return [...wanted].map(name => ({
          tag: 'link',
          attrs: { rel: 'modulepreload', crossorigin: true, href: `/${name}` },
          injectTo: 'head' as const,
        }));
      },
    },
  };
}

export default defineConfig({
  plugins: [react(), inlineStyles(), preloadMain(), backend ? [] : mockServer()],
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
