import { queryOptions } from '@tanstack/react-query';
import { api } from '@/app/services';

const base = '/api/permission';

export type Result = 'ALLOW' | 'DENY' | 'CONDITIONAL';

/** Where a statement stands. */
export interface Source {
  file: string;
  line: number;
  statement?: string;
}

export type Condition =
  | { allOf: Condition[] }
  | { anyOf: Condition[] }
  | { not: Condition }
  | { rule: string; resourceType?: string; params?: Record<string, unknown> };

/** A condition with its truth for one resource, all the way down. */
export interface Verdict {
  op?: 'allOf' | 'anyOf' | 'not';
  rule?: string;
  params?: Record<string, unknown>;
  holds: boolean;
  children?: Verdict[];
}

export interface ExplainedStatement {
  source: Source;
  matched: boolean;
  decided: boolean;
  why: string;
  /** The result without this statement, of those that decided. */
  without?: Result;
  /** Whether its condition holds for the entity. */
  holds?: boolean;
}

export interface PolicyExplanation {
  user: string;
  ownership: string[];
  permission: { name: string; action?: string; resourceType?: string };
  resourceRef?: string;
  result: Result;
  reason: string;
  source: Source | null;
  statements: ExplainedStatement[];
  condition?: Condition;
  verdicts?: Verdict;
}

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

export interface Visible {
  user: string;
  ownership: string[];
  result: Result;
  reason: string;
  source: Source | null;
  visible: number;
  total: number;
  kinds: { kind: string; visible: number; total: number }[];
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

export interface Viewer {
  user: string;
  displayName?: string;
  result: Result;
  reason: string;
  source: Source | null;
}

export interface Viewers {
  resourceRef: string;
  permission: string;
  total: number;
  allowed: number;
  items: Viewer[];
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

export interface PolicyStatement {
  source: Source;
  text: string;
  effect: 'allow' | 'deny';
  match?: unknown;
  when?: Condition;
}

export interface PolicyInForce {
  enabled: boolean;
  file?: string;
  files?: string[];
  /** What holds where no statement decides. */
  default?: string;
  loadedAt?: string;
  statements: PolicyStatement[];
  problem?: { message: string; file?: string; line?: number };
}

/** The policy that decides now. */
export function policyInForce() {
  return queryOptions({
    queryKey: ['policy', 'in-force'],
    queryFn: ({ signal }) => api.get<PolicyInForce>(`${base}/policy`, { signal }),
    staleTime: 0,
    refetchInterval: 10_000,
  });
}

export interface KnownPermission {
  name: string;
  action: string;
  resourceType?: string;
}

interface Metadata {
  permissions: {
    name: string;
    attributes?: { action?: string };
    type: 'basic' | 'resource';
    resourceType?: string;
  }[];
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
