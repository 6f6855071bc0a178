import type { Identity } from './session';

/** Written in place of a provider when the visitor signed out: nothing may sign in by itself. */
export const left = '-';

/** What outlives a page: the choice of provider and who it was; a token is never stored. */
export interface Memory {
  /** The provider's id, `left`, or undefined for a visitor who was never here. */
  read(): string | undefined;
  write(provider: string): void;
  identity(): Identity | undefined;
  keep(identity: Identity | undefined): void;
}

const key = 'stagedoor-provider';
const who = 'stagedoor-user';

/**
 * Remembers the provider in localStorage and, for the server, in a cookie of the
 * same name: with it the server can put the identity straight into the page.
 */
export const browserMemory: Memory = {
  read: () => localStorage.getItem(key) ?? undefined,
  write(provider) {
    document.cookie = `${key}=${encodeURIComponent(provider)}; Path=/; Max-Age=31536000; SameSite=Lax`;
    localStorage.setItem(key, provider);
  },
  identity() {
    try {
      const kept = JSON.parse(localStorage.getItem(who) ?? 'null') as Identity | null;
      return kept && Array.isArray(kept.ownershipEntityRefs) ? kept : undefined;
    } catch {
      return undefined;
    }
  },
  keep(identity) {
    if (identity) localStorage.setItem(who, JSON.stringify(identity));
    else localStorage.removeItem(who);
  },
};
