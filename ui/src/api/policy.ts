import { queryOptions } from '@tanstack/react-query';
import { api } from '@/app/services';
import type { Answer } from './answer';
import type { components, operations } from './generated/permission';

const base = '/api/permission';

type Schemas = components['schemas'];

export type Result = Schemas['Result'];
/** Where a statement stands. */
export type Source = Schemas['Source'];
export type Condition = Schemas['Condition'];
/** A condition with its truth for one resource, all the way down. */
export type Verdict = Schemas['Verdict'];
export type PolicyExplanation = Schemas['Explanation'];
export type ExplainedStatement = PolicyExplanation['statements'][number];
export type Visible = Answer<operations['explainVisible']>;
export type Viewers = Answer<operations['explainViewers']>;
export type PolicyInForce = Answer<operations['getPolicy']>;
export type PolicyStatement = PolicyInForce['statements'][number];
type Metadata = Answer<operations['getPermissions']>;

export interface Question {
  user?: string;
  permission: string;
  resourceRef?: string;
}

/** Why somebody may do something, or not: statement by statement. */
export function explainPolicy(question: Question) {
  return queryOptions({
    queryKey: ['policy', 'explain', question],
    queryFn: ({ signal }) =>
      api.post<PolicyExplanation>(`${base}/explain`, { body: question, signal }),
    staleTime: 0,
    retry: false,
  });
}

/** How much of the catalog somebody sees, by kind. */
export function visibleTo(user: string) {
  return queryOptions({
    queryKey: ['policy', 'visible', user],
    queryFn: ({ signal }) =>
      api.get<Visible>(`${base}/explain/visible`, {
        search: new URLSearchParams({ user }),
        signal,
      }),
    staleTime: 0,
    retry: false,
  });
}

export const viewersPage = 50;

/** Who of the catalog's users may see something, page by page. */
export function viewersOf(resourceRef: string, result: '' | 'ALLOW' | 'DENY', offset: number) {
  const search = new URLSearchParams({
    resourceRef,
    permission: 'catalog.entity.read',
    limit: String(viewersPage),
    offset: String(offset),
    ...(result && { result }),
  });
  return queryOptions({
    queryKey: ['policy', 'viewers', search.toString()],
    queryFn: ({ signal }) => api.get<Viewers>(`${base}/explain/viewers`, { search, signal }),
    staleTime: 0,
    retry: false,
  });
}

/** The policy that decides now. */
export function policyInForce() {
  return queryOptions({
    queryKey: ['policy', 'in-force'],
    queryFn: ({ signal }) => api.get<PolicyInForce>(`${base}/policy`, { signal }),
    staleTime: 0,
    refetchInterval: 3_000,
  });
}

export interface KnownPermission {
  name: string;
  action: string;
  resourceType?: string;
}

/** The plugins that have permissions of their own. */
const plugins = ['catalog', 'permission', 'audit'];

/** Every permission that a plugin of this portal defines, by name. */
export function knownPermissions() {
  return queryOptions({
    queryKey: ['policy', 'permissions'],
    queryFn: async ({ signal }) => {
      const answers = await Promise.all(
        plugins.map(id =>
          api.get<Metadata>(`/api/${id}/.well-known/backstage/permissions/metadata`, { signal }),
        ),
      );
      return answers
        .flatMap(({ permissions }) => permissions)
        .map(({ name, attributes, resourceType }): KnownPermission => ({
          name,
          action: attributes?.action ?? 'use',
          resourceType,
        }))
        .sort((a, b) => a.name.localeCompare(b.name));
    },
    staleTime: 600_000,
  });
}
