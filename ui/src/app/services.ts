import { QueryClient } from '@tanstack/react-query';
import { createClient } from '@/api/client';
import { ApiError } from '@/api/errors';
import { browserMemory, Session } from '@/auth/session';
import { readBoot } from './boot';

/** What the server wrote into the page. */
export const boot = readBoot(document);

export const session = new Session({
  providers: boot.config.providers,
  memory: browserMemory,
  grant: boot.identity,
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

boot.queries?.forEach(({ key, data }) => queryClient.setQueryData(key, data));
