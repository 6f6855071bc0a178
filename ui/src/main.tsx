import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createAppRouter } from './app/router';
import { boot, queryClient, session } from './app/services';
import { restoreTheme } from './app/theme';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/kit.css';
import './styles/static.css';

/** Lets the static page be painted before the first render takes the thread. */
function firstPaint() {
  if (performance.getEntriesByName('first-contentful-paint').length > 0) return;
  return new Promise<void>(resolve => {
    requestAnimationFrame(() => setTimeout(resolve));
    // A tab in the background paints nothing.
    setTimeout(resolve, 100);
  });
}

async function start(container: HTMLElement) {
  restoreTheme();
  await firstPaint();
  // Both before the first render, so that React replaces the static page in one
  // step by a finished one and nothing moves.
  await session.restore();
  const router = createAppRouter();
  await router.load();
  createRoot(container).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
  // What is on screen comes first; keeping it true, and where most clicks lead, can wait.
  setTimeout(() => {
    void import('./pages/entity/route');
    void import('./app/live').then(({ startLive }) => startLive(queryClient, session, boot.seq));
  }, 1000);
}

const container = document.getElementById('root');
if (container) void start(container);
