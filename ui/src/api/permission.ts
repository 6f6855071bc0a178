import { queryOptions, useQuery } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { api, session } from '@/app/services';

const base = '/api/permission';

/** The permissions that decide what the frame and the buttons of pages offer. */
const asked = {
  'catalog.entity.create': 'create',
  'catalog.location.create': 'create',
  'catalog.location.delete': 'delete',
  'policy.entity.read': 'read',
  'audit.event.read': 'read',
} as const;

/**
 * Those that are about things of a type, which users may ask about one thing only: any
 * role will do, since the pages need what is allowed for all of them.
 */
const typed: Partial<Record<Basic, { resourceType: string; resourceRef: string }>> = {
  'policy.entity.read': { resourceType: 'policy-entity', resourceRef: 'role:default/any' },
};

/** A page asks again after this long; the server decides anew with every call anyway. */
const goodFor = 600_000;

export type Basic = keyof typeof asked;
type Answers = Partial<Record<string, boolean>>;

interface Batch {
  items: { id: string; result: 'ALLOW' | 'DENY' | 'CONDITIONAL' }[];
}

async function authorize(items: unknown[], signal: AbortSignal): Promise<Answers> {
  const batch = await api.post<Batch>(`${base}/authorize`, { body: { items }, signal });
  return Object.fromEntries(batch.items.map(({ id, result }) => [id, result === 'ALLOW']));
}

const kept = (user: string) => `stagedoor:may:${user}`;

/** The last answers, so that the frame of a new page is right from its first paint. */
function lastAnswers(user: string): Answers | undefined {
  try {
    return (JSON.parse(localStorage.getItem(kept(user)) ?? 'null') as Answers | null) ?? undefined;
  } catch {
    return undefined;
  }
}

/** What the user may do in general, asked in one batch. */
function basics(user: string) {
  return queryOptions({
    queryKey: ['may', user],
    queryFn: async ({ signal }) => {
      const items = Object.entries(asked).map(([name, action]) => {
        const { resourceType, resourceRef } = typed[name as Basic] ?? {};
        const type = resourceType ? 'resource' : 'basic';
        return {
          id: name,
          permission: { type, name, attributes: { action }, resourceType },
          resourceRef,
        };
      });
      const answers = await authorize(items, signal);
      localStorage.setItem(kept(user), JSON.stringify(answers));
      return answers;
    },
    enabled: user !== '',
    initialData: () => lastAnswers(user),
    initialDataUpdatedAt: 0,
    staleTime: goodFor,
  });
}

function useUser(): string {
  const state = useSyncExternalStore(session.subscribe, session.snapshot);
  return state.status === 'signed-in' ? state.identity.userEntityRef : '';
}

/** Answers whether the user may; undefined as long as it is not known. */
export type May = (name: Basic) => boolean | undefined;

/** Registering takes two permissions; it is offered unless one is known to be missing. */
export const mayRegister = (may: May): boolean =>
  may('catalog.location.create') !== false && may('catalog.entity.create') !== false;

/** What the user may do in general. */
export function useMay(): May {
  const { data } = useQuery(basics(useUser()));
  return name => data?.[name];
}

/**
 * What the user may do with one entity; both undefined as long as it is not known.
 * Nothing is asked without a ref: what is asked and denied stands in the audit log.
 */
export function useMayOn(entityRef: string | undefined): { refresh?: boolean; delete?: boolean } {
  const user = useUser();
  const { data } = useQuery({
    queryKey: ['may', user, entityRef],
    queryFn: ({ signal }) =>
      authorize(
        [
          ['refresh', 'update'],
          ['delete', 'delete'],
        ].map(([name, action]) => ({
          id: name,
          permission: {
            type: 'resource',
            name: `catalog.entity.${name}`,
            attributes: { action },
            resourceType: 'catalog-entity',
          },
          resourceRef: entityRef,
        })),
        signal,
      ),
    enabled: user !== '' && entityRef !== undefined,
    staleTime: goodFor,
  });
  return { refresh: data?.refresh, delete: data?.delete };
}
