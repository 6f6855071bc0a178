import { queryOptions } from '@tanstack/react-query';
import { api } from '@/app/services';
import type { Answer } from './answer';
import type { components, operations } from './generated/audit';

const base = '/api/audit';

export type AuditEvent = components['schemas']['Event'];
export type AuditPage = Answer<operations['searchAuditEvents']>;
export type Verification = Answer<operations['verifyAuditLog']>;

// Reading the log is an event of the log, so nothing here is asked unless somebody wants to see it.
const onDemand = { staleTime: Infinity, refetchOnWindowFocus: false, retry: false } as const;

/** One page of the log, newest first; `search` holds the filters as the API takes them. */
export function auditEvents(search: string, cursor?: string) {
  const asked = new URLSearchParams(search);
  if (cursor) asked.set('cursor', cursor);
  return queryOptions({
    queryKey: ['audit', 'events', search, cursor ?? ''],
    queryFn: ({ signal }) => api.get<AuditPage>(`${base}/events`, { search: asked, signal }),
    gcTime: 60_000,
    ...onDemand,
  });
}

export function auditEvent(id: string) {
  return queryOptions({
    queryKey: ['audit', 'event', id],
    queryFn: ({ signal }) =>
      api.get<AuditEvent>(`${base}/events/${encodeURIComponent(id)}`, { signal }),
    ...onDemand,
  });
}

/** Checks the chain of hashes over the whole log. */
export const verifyAudit = () => api.get<Verification>(`${base}/verify`);

/** The events that match, for a file. */
export const exportAudit = (search: string, format: 'ndjson' | 'csv') => {
  const asked = new URLSearchParams(search);
  asked.set('format', format);
  return api.download(`${base}/export`, { search: asked });
};
