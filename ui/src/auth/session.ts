import type { Grant, SignInProvider } from '@/app/boot';
import { ApiError, errorFrom } from '@/api/errors';
import type { TokenSource } from '@/api/client';
import { startAddress, webAddress } from './address';
import { grantOf, type SessionAnswer } from './answer';
import { left, type Memory } from './memory';
import { signInByPopup } from './popup';
import { aloneTabs, type TabMessage, type Tabs } from './tabs';

export interface Identity {
  userEntityRef: string;
  ownershipEntityRefs: string[];
  provider: string;
  profile: { displayName?: string; email?: string; picture?: string };
}

/** A session that could not be renewed while its page is on screen. */
export interface Ended {
  reason: string;
  /** How many requests wait for a new session. */
  waiting: number;
}

export type SessionState =
  | { status: 'restoring' }
  | { status: 'signed-out'; cause?: unknown; expired?: boolean }
  | { status: 'signed-in'; identity: Identity; ended?: Ended };

export interface SessionDeps {
  providers: SignInProvider[];
  memory: Memory;
  environment?: string;
  grant?: Grant;
  tabs?: Tabs;
  fetch?: typeof fetch;
  now?: () => number;
  popup?: (url: string) => Promise<SessionAnswer>;
  /** Sends the browser elsewhere. */
  go?: (url: string) => void;
}

/** Renewed this long before it expires, so that no request meets an old token. */
export const margin = 60_000;
/** How long to wait for the session that another tab has just got. */
const hearsay = 150;

/**
 * The session of this browser tab. The token lives in memory only; what survives
 * a reload is which provider was chosen and who it was, and that provider is asked
 * again. A session that cannot be renewed is `ended`, not gone: the page stays, and
 * requests wait until somebody signs in again.
 */
export class Session implements TokenSource {
  private state: SessionState = { status: 'restoring' };
  private listeners = new Set<() => void>();
  private bearer?: { token: string; expires: number; provider: string };
  private pending?: Promise<string | undefined>;
  private waiters = new Set<(token: string | undefined) => void>();
  private heard = new Set<() => void>();
  private readonly tabs: Tabs;
  private readonly fetch: typeof fetch;
  private readonly now: () => number;

  constructor(private readonly deps: SessionDeps) {
    this.fetch = deps.fetch ?? ((input, init) => fetch(input, init));
    this.now = deps.now ?? Date.now;
    this.tabs = deps.tabs ?? aloneTabs;
    this.tabs.listen(this.hear);
    const provider = this.remembered();
    if (deps.grant) this.accept(deps.grant);
    else if (!provider) this.state = { status: 'signed-out' };
    else {
      // Who it was is shown at once; requests wait until the provider agrees.
      const identity = deps.memory.identity();
      if (identity?.provider === provider) this.state = { status: 'signed-in', identity };
    }
  }

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  snapshot = () => this.state;

  /** When the token expires, in milliseconds since 1970; undefined without one. */
  expires = () => this.bearer?.expires;

  provider = (id: string) => this.deps.providers.find(provider => provider.id === id);

  /** Signs in silently with the remembered provider, if the page did not come with a grant. */
  async restore(): Promise<void> {
    if (!this.bearer) await this.renew();
  }

  /**
   * Signs in with a provider the user picked: at once where the provider needs no
   * interaction, else through its window. Throws an ApiError or a PopupError. Call it
   * in the handler of a click.
   */
  async signIn(provider: string): Promise<void> {
    if (this.provider(provider)?.silent) {
      this.take(await this.tabs.exclusive(() => this.ask(provider)));
      return;
    }
    const popup = this.deps.popup ?? signInByPopup;
    const grant = grantOf(await popup(this.startOf(provider, 'popup')), provider);
    if (!grant) throw new Error('The provider knows you, but gives no session of this portal.');
    this.take(grant);
  }

  /** Signs in by leaving the page for the provider; it comes back to the same page. */
  leaveToSignIn(provider: string): void {
    this.deps.memory.write(provider);
    const go = this.deps.go ?? (url => location.assign(url));
    go(this.startOf(provider, 'redirect'));
  }

  /** The address of a sign-in that comes back to this page. */
  startOf(provider: string, flow: 'popup' | 'redirect'): string {
    const environment = this.deps.environment ?? 'development';
    return startAddress({ provider, environment, flow, href: location.href });
  }

  /** Asks the provider once more, after the user signed in elsewhere. */
  async resume(): Promise<void> {
    const provider = this.remembered();
    if (this.state.status !== 'signed-in' || !this.state.ended || !provider) return;
    this.take(await this.tabs.exclusive(() => this.ask(provider)));
  }

  async signOut(): Promise<void> {
    const id = this.bearer?.provider ?? this.remembered();
    this.leave();
    this.tabs.tell({ type: 'signed-out' });
    // The guest has no session on the server that could be ended.
    if (!id || id === 'guest') return;
    const response = await this.fetch(`/api/auth/${encodeURIComponent(id)}/logout${this.env(id)}`, {
      method: 'POST',
      headers: { 'X-Requested-With': 'XMLHttpRequest' },
    }).catch(() => undefined);
    // Some providers have a session of their own to end.
    const body = (await response?.json().catch(() => undefined)) as
      { logoutUrl?: unknown } | undefined;
    const onward = webAddress(body?.logoutUrl);
    if (onward) (this.deps.go ?? (url => location.assign(url)))(onward);
  }

  async token(): Promise<string | undefined> {
    if (this.state.status === 'signed-out') return undefined;
    if (this.isEnded()) return this.wait();
    if (this.bearer && this.bearer.expires - margin > this.now()) return this.bearer.token;
    return this.renew();
  }

  /**
   * Gets a new token in place of one that was refused or is about to expire; callers
   * at the same time share one request. While the session is ended it waits.
   */
  renew(refused?: string): Promise<string | undefined> {
    const provider = this.bearer?.provider ?? this.remembered();
    if (this.state.status === 'signed-out' || !provider) return Promise.resolve(undefined);
    if (this.isEnded()) return this.wait();
    // Refused, but replaced since.
    if (refused && this.bearer && this.bearer.token !== refused) {
      return Promise.resolve(this.bearer.token);
    }
    const first = !this.bearer;
    this.pending ??= this.renewWith(provider, cause => (first ? this.miss(cause) : this.end(cause)))
      .then(() => (this.isEnded() ? this.wait() : this.bearer?.token))
      .finally(() => (this.pending = undefined));
    return this.pending;
  }

  private isEnded = () => this.state.status === 'signed-in' && this.state.ended !== undefined;

  /** Resolves when somebody signed in again; undefined when it was somebody else, or nobody. */
  private wait(): Promise<string | undefined> {
    return new Promise(resolve => {
      this.waiters.add(resolve);
      if (this.state.status !== 'signed-in' || !this.state.ended) return;
      const ended = { ...this.state.ended, waiting: this.waiters.size };
      this.set({ ...this.state, ended });
    });
  }

  private release(token: string | undefined) {
    const waiting = [...this.waiters];
    this.waiters.clear();
    waiting.forEach(resolve => resolve(token));
  }

  private remembered(): string | undefined {
    const id = this.deps.memory.read();
    return id !== undefined && this.provider(id) ? id : undefined;
  }

  /** One refresh at a time in all tabs; what another tab got meanwhile is used. */
  private async renewWith(provider: string, refused: (cause: unknown) => void): Promise<void> {
    const before = this.bearer?.token;
    try {
      await this.tabs.exclusive(async waited => {
        if (waited && this.bearer?.token === before) await this.rumour();
        if (this.bearer && this.bearer.token !== before) return;
        this.take(await this.ask(provider));
      });
    } catch (cause) {
      // Somebody signed out or in while this was under way.
      if (this.bearer?.token !== before || this.state.status === 'signed-out') return;
      // Without an answer the old token is still the best there is.
      if (this.bearer && isPassing(cause)) return;
      refused(cause);
    }
  }

  /** Waits for the word of another tab, but not for long. */
  private rumour(): Promise<void> {
    return new Promise(resolve => {
      const heard = () => {
        clearTimeout(timer);
        this.heard.delete(heard);
        resolve();
      };
      const timer = setTimeout(heard, hearsay);
      this.heard.add(heard);
    });
  }

  private hear = (message: TabMessage) => {
    if (message.type === 'grant') this.accept(message.grant);
    else this.leave();
    this.heard.forEach(tell => tell());
  };

  /** The page came up, but its visitor is not signed in any more. */
  private miss(cause: unknown) {
    const expired = cause instanceof ApiError && cause.status === 401;
    if (!isPassing(cause)) this.deps.memory.keep(undefined);
    this.set({ status: 'signed-out', expired, cause: expired ? undefined : cause });
  }

  private end(cause: unknown) {
    if (this.state.status !== 'signed-in') return;
    this.set({ ...this.state, ended: { reason: reasonOf(cause), waiting: this.waiters.size } });
  }

  private leave() {
    this.bearer = undefined;
    this.deps.memory.write(left);
    this.deps.memory.keep(undefined);
    this.set({ status: 'signed-out' });
    this.release(undefined);
  }

  private env(provider: string): string {
    if (this.provider(provider)?.silent) return '';
    return `?${new URLSearchParams({ env: this.deps.environment ?? 'development' })}`;
  }

  private async ask(provider: string): Promise<Grant> {
    const url = `/api/auth/${encodeURIComponent(provider)}/refresh${this.env(provider)}`;
    let response: Response;
    try {
      response = await this.fetch(url, {
        headers: { Accept: 'application/json', 'X-Requested-With': 'XMLHttpRequest' },
      });
    } catch {
      throw new ApiError('NetworkError', 'The server could not be reached.', 0, `GET ${url}`);
    }
    if (!response.ok) throw await errorFrom(response, `GET ${url}`);
    const grant = grantOf((await response.json()) as SessionAnswer, provider);
    if (!grant) {
      throw new ApiError('AuthenticationError', 'The provider gave no session.', 401, `GET ${url}`);
    }
    return grant;
  }

  /** Takes a session that this tab got, and lets the other tabs have it. */
  private take(grant: Grant) {
    this.accept(grant);
    this.tabs.tell({ type: 'grant', grant });
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
    if (this.isEnded() || JSON.stringify(known) !== JSON.stringify(identity)) {
      this.deps.memory.keep(identity);
      this.set({ status: 'signed-in', identity });
    }
    // What one user began, another must not finish.
    this.release(!known || known.userEntityRef === identity.userEntityRef ? token : undefined);
  }

  private set(state: SessionState) {
    this.state = state;
    this.listeners.forEach(tell => tell());
  }
}

const reasonOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));

/** Whether it says nothing about the session: no network, a busy or broken server. */
const isPassing = (cause: unknown) =>
  cause instanceof ApiError && (cause.status === 0 || cause.status === 429 || cause.status >= 500);
