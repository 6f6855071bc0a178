/**
 * The first script: it brings the style sheets of the static page and waits until
 * that is painted before anything heavier may take the thread. What the page needs
 * next, `main.tsx`, is on its way meanwhile (index.html preloads it).
 */
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/kit.css';
import './styles/catalog.css';
import './styles/static.css';

/** Resolves when the static page was painted. */
async function painted() {
  if (performance.getEntriesByName('first-contentful-paint').length > 0) return;
  await new Promise<void>(resolve => {
    requestAnimationFrame(() => setTimeout(resolve));
    // A tab in the background paints nothing.
    setTimeout(resolve, 100);
  });
}

void painted().then(() => import('./main'));
