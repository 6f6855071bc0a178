import { queryOptions } from '@tanstack/react-query';
import { api } from '@/app/services';

const base = '/api/auth/v1/sessions';

/** What a program asks for, on behalf of whoever approves. */
export interface ConsentSession {
  id: string;
  clientId?: string;
  clientName?: string;
  /** Names, with spaces between them. */
  scope?: string;
  redirectUri?: string;
  /** Whether it is the portal's own command line; all other names are what programs call themselves. */
  firstParty?: boolean;
  /** The servers that the token is for, if not for everything. */
  resource?: string[];
  expiresAt?: string;
}

export function consentSession(id: string) {
  return queryOptions({
    queryKey: ['consent', id],
    queryFn: ({ signal }) =>
      api.get<ConsentSession>(`${base}/${encodeURIComponent(id)}`, { signal }),
    staleTime: Infinity,
    retry: false,
  });
}

/** Approves or rejects; answers where the browser has to go with the result. */
export const decideConsent = (id: string, decision: 'approve' | 'reject') =>
  api.post<{ redirectUrl: string }>(`${base}/${encodeURIComponent(id)}/${decision}`);
