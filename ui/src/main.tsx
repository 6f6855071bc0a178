import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createAppRouter } from './app/router';
import { boot, queryClient, session } from './app/services';
import { restoreTheme } from './app/theme';
import { keepFresh } from './auth/fresh';

async function start(container: HTMLElement) {
  restoreTheme();
  // Not waited for: the page stands while the provider is asked, its requests wait.
  void session.restore();
  // Before the first render, so that React replaces the static page in one step by a
  // finished one and nothing moves.
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
    void import('./auth/SessionEnded');
    keepFresh(session);
    void import('./app/live').then(({ startLive }) => startLive(queryClient, session, boot.seq));
  }, 1000);
}

const container = document.getElementById('root');
if (container) void start(container);
