// Adds up what the browser loads before the first route can render and fails
// when the eager JavaScript is over budget. Run after `npm run build`.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const budget = { js: 150 * 1024, css: 20 * 1024 };
const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));

const js = new Set();
const css = new Set();
const walk = key => {
  const chunk = manifest[key];
  if (js.has(chunk.file)) return;
  js.add(chunk.file);
  chunk.css?.forEach(file => css.add(file));
  chunk.imports?.forEach(walk);
};
walk('index.html');
walk('src/main.tsx'); // what the first script imports as soon as the static page is painted

const weigh = files =>
  [...files].reduce((sum, file) => {
    const size = gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
    console.log(`${(size / 1024).toFixed(1).padStart(7)} KB gz  ${file}`);
    return sum + size;
  }, 0);

const total = { js: weigh(js), css: weigh(css) };
for (const part of ['js', 'css']) {
  const verdict = total[part] <= budget[part] ? 'within' : 'OVER';
  console.log(
    `eager ${part}: ${(total[part] / 1024).toFixed(1)} KB gz, ${verdict} the budget of ${budget[part] / 1024} KB`,
  );
  if (total[part] > budget[part]) process.exitCode = 1;
}
