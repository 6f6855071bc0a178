import { QueryClient } from '@tanstack/react-query';
import { createClient } from '@/api/client';
import { ApiError } from '@/api/errors';
import { browserMemory } from '@/auth/memory';
import { Session } from '@/auth/session';
import { browserTabs } from '@/auth/tabs';
import { readBoot } from './boot';

/** What the server wrote into the page. */
export const boot = readBoot(document);

export const session = new Session({
  providers: boot.config.providers,
  memory: browserMemory,
  environment: boot.config.environment,
  grant: boot.identity,
  tabs: browserTabs(),
});

/** The client for /api; see api/catalog.ts for typed calls. */
export const api = createClient(session);

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      retry: (count, cause) => count < 2 && cause instanceof ApiError && cause.temporary,
    },
  },
});

// What one user read is not for the next, whichever tab the change came from.
let user: string | undefined;
const follow = () => {
  const state = session.snapshot();
  const now = state.status === 'signed-in' ? state.identity.userEntityRef : undefined;
  if (state.status === 'signed-out') queryClient.clear();
  else if (user && now && now !== user) void queryClient.resetQueries();
  user = now ?? user;
};
follow();
session.subscribe(follow);

boot.queries?.forEach(({ key, data }) => queryClient.setQueryData(key, data));
