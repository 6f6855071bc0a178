import type { Grant } from '@/app/boot';

/** What /refresh answers with, and what the sign-in window hands over. */
export interface SessionAnswer {
  profile?: Grant['profile'];
  backstageIdentity?: {
    token: string;
    expiresInSeconds?: number;
    identity: { userEntityRef: string; ownershipEntityRefs: string[] };
  };
}

/** The session out of an answer; undefined when the provider gave none. */
export function grantOf(
  { backstageIdentity: granted, profile }: SessionAnswer,
  provider: string,
): Grant | undefined {
  if (!granted?.token) return undefined;
  return {
    token: granted.token,
    expiresInSeconds: granted.expiresInSeconds ?? 3600,
    provider,
    profile,
    userEntityRef: granted.identity.userEntityRef,
    ownershipEntityRefs: granted.identity.ownershipEntityRefs,
  };
}
