import type { Grant, SignInProvider } from '@/app/boot';
import { ApiError, errorFrom } from '@/api/errors';
import type { TokenSource } from '@/api/client';

export interface Identity {
  userEntityRef: string;
  ownershipEntityRefs: string[];
  provider: string;
  profile: { displayName?: string; email?: string; picture?: string };
}

export type SessionState =
  | { status: 'restoring' }
  | { status: 'signed-out'; reason?: string }
  | { status: 'signed-in'; identity: Identity };

interface RefreshAnswer {
  profile?: Identity['profile'];
  backstageIdentity: {
    token: string;
    expiresInSeconds?: number;
    identity: { userEntityRef: string; ownershipEntityRefs: string[] };
  };
}

/** Where the last choice of provider is kept; a token is never stored. */
export interface Memory {
  read(): string | undefined;
  write(provider: string | undefined): void;
}

export interface SessionDeps {
  providers: SignInProvider[];
  memory: Memory;
  grant?: Grant;
  fetch?: typeof fetch;
  now?: () => number;
}

/** Renewed this long before it expires, so that no request meets an old token. */
const margin = 60_000;

/**
 * The session of this browser tab. The token lives in memory only; what survives
 * a reload is which provider was chosen, and that provider is asked again.
 */
export class Session implements TokenSource {
  private state: SessionState = { status: 'restoring' };
  private listeners = new Set<() => void>();
  private bearer?: { token: string; expires: number; provider: string };
  private pending?: Promise<string | undefined>;
  private readonly fetch: typeof fetch;
  private readonly now: () => number;

  constructor(private readonly deps: SessionDeps) {
    this.fetch = deps.fetch ?? ((input, init) => fetch(input, init));
    this.now = deps.now ?? Date.now;
    if (deps.grant) this.accept(deps.grant);
    else if (!this.remembered()) this.state = { status: 'signed-out' };
  }

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  snapshot = () => this.state;

  /** Signs in silently with the remembered provider, if the page did not come with a grant. */
  async restore(): Promise<void> {
    const provider = this.remembered();
    if (this.state.status === 'restoring' && provider) await this.refresh(provider);
  }

  /** Signs in with a provider the user picked; throws an ApiError when it refuses. */
  async signIn(provider: string): Promise<void> {
    this.accept(await this.ask(provider));
  }

  async signOut(): Promise<void> {
    const provider = this.bearer?.provider;
    this.bearer = undefined;
    this.deps.memory.write(undefined);
    this.set({ status: 'signed-out' });
    // The guest has no session on the server that could be ended.
    if (!provider || provider === 'guest') return;
    await this.fetch(`/api/auth/${provider}/logout`, {
      method: 'POST',
      headers: { 'X-Requested-With': 'XMLHttpRequest' },
    }).catch(() => undefined);
  }

  async token(): Promise<string | undefined> {
    if (!this.bearer) return undefined;
    if (this.bearer.expires - margin > this.now()) return this.bearer.token;
    return this.renew();
  }

  /** Asks for a new token; callers at the same time share one request. */
  renew(): Promise<string | undefined> {
    if (!this.bearer) return Promise.resolve(undefined);
    this.pending ??= this.refresh(this.bearer.provider).finally(() => {
      this.pending = undefined;
    });
    return this.pending;
  }

  private remembered(): string | undefined {
    const id = this.deps.memory.read();
    return this.deps.providers.some(provider => provider.id === id) ? id : undefined;
  }

  private async refresh(provider: string): Promise<string | undefined> {
    try {
      this.accept(await this.ask(provider));
      return this.bearer?.token;
    } catch (cause) {
      // Without a network the old token is still the best there is.
      if (cause instanceof ApiError && cause.status === 0 && this.bearer) return this.bearer.token;
      this.bearer = undefined;
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.set({ status: 'signed-out', reason });
      return undefined;
    }
  }

  private async ask(provider: string): Promise<Grant> {
    const url = `/api/auth/${encodeURIComponent(provider)}/refresh`;
    let response: Response;
    try {
      response = await this.fetch(url, {
        headers: { Accept: 'application/json', 'X-Requested-With': 'XMLHttpRequest' },
      });
    } catch {
      throw new ApiError('NetworkError', 'The server could not be reached.', 0, `GET ${url}`);
    }
    if (!response.ok) throw await errorFrom(response, `GET ${url}`);
    const { backstageIdentity: granted, profile } = (await response.json()) as RefreshAnswer;
    return {
      token: granted.token,
      expiresInSeconds: granted.expiresInSeconds ?? 3600,
      provider,
      profile,
      userEntityRef: granted.identity.userEntityRef,
      ownershipEntityRefs: granted.identity.ownershipEntityRefs,
    };
  }

  private accept(grant: Grant) {
    const { token, provider } = grant;
    this.bearer = { token, provider, expires: this.now() + grant.expiresInSeconds * 1000 };
    this.deps.memory.write(provider);
    const identity: Identity = {
      provider,
      userEntityRef: grant.userEntityRef,
      ownershipEntityRefs: grant.ownershipEntityRefs,
      profile: grant.profile ?? {},
    };
    const known = this.state.status === 'signed-in' ? this.state.identity : undefined;
    if (JSON.stringify(known) !== JSON.stringify(identity)) {
      this.set({ status: 'signed-in', identity });
    }
  }

  private set(state: SessionState) {
    this.state = state;
    this.listeners.forEach(tell => tell());
  }
}

const key = 'stagedoor-provider';

/**
 * Remembers the provider in localStorage and, for the server, in a cookie of the
 * same name: with it the server can put the identity straight into the page.
 */
export const browserMemory: Memory = {
  read: () => localStorage.getItem(key) ?? undefined,
  write(provider) {
    const age = provider ? 31536000 : 0;
    document.cookie = `${key}=${encodeURIComponent(provider ?? '')}; Path=/; Max-Age=${age}; SameSite=Lax`;
    if (provider) localStorage.setItem(key, provider);
    else localStorage.removeItem(key);
  },
};
