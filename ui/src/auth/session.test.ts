import { describe, expect, it, vi } from 'vitest';
import { createClient } from '@/api/client';
import { left, type Memory } from './memory';
import { Session, type Identity, type SessionDeps } from './session';
import { aloneTabs, type TabMessage, type Tabs } from './tabs';

const answer = (token: string, user = 'user:default/guest') => ({
  profile: {},
  backstageIdentity: {
    token,
    expiresInSeconds: 3600,
    identity: { userEntityRef: user, ownershipEntityRefs: [user] },
  },
});

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
const refusal = (status: number, message = 'no refresh token') =>
  json({ error: { name: 'AuthenticationError', message } }, status);

function memory(provider?: string, identity?: Identity): Memory {
  return {
    read: () => provider,
    write: value => (provider = value),
    identity: () => identity,
    keep: value => (identity = value),
  };
}

const providers = [
  { id: 'guest', title: 'Guest', silent: true },
  { id: 'okta', title: 'Okta' },
];

/** A session whose refresh calls are answered in turn; the last answer repeats. */
function sessionWith(answers: (() => Response | Promise<Response>)[], deps: Partial<SessionDeps>) {
  let at = 0;
  const fetch = vi.fn(async () => {
    const next = answers[Math.min(at++, answers.length - 1)];
    return next ? next() : json({}, 500);
  });
  return { session: new Session({ providers, memory: memory(), fetch, ...deps }), fetch };
}

const granted = (token: string, user = 'user:default/ada') => ({
  token,
  expiresInSeconds: 3600,
  provider: 'okta',
  userEntityRef: user,
  ownershipEntityRefs: [user],
});

describe('session', () => {
  it('is signed out when nothing is remembered', () => {
    const session = new Session({ providers, memory: memory() });
    expect(session.snapshot()).toEqual({ status: 'signed-out' });
  });

  it('restores the remembered provider silently', async () => {
    const { session, fetch } = sessionWith([() => json(answer('t1'))], { memory: memory('guest') });
    expect(session.snapshot().status).toBe('restoring');
    await session.restore();
    expect(session.snapshot().status).toBe('signed-in');
    expect(await session.token()).toBe('t1');
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it('shows who it was at once, and lets requests wait for the provider', async () => {
    const identity = {
      provider: 'okta',
      userEntityRef: 'user:default/ada',
      ownershipEntityRefs: ['user:default/ada'],
      profile: {},
    };
    const { session, fetch } = sessionWith([() => json(answer('t1', 'user:default/ada'))], {
      memory: memory('okta', identity),
    });
    expect(session.snapshot()).toEqual({ status: 'signed-in', identity });
    void session.restore();
    expect(await Promise.all([session.token(), session.token()])).toEqual(['t1', 't1']);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it('is signed out without alarm when the provider remembers nobody', async () => {
    const { session } = sessionWith([() => refusal(401)], { memory: memory('okta') });
    await session.restore();
    expect(session.snapshot()).toEqual({ status: 'signed-out', expired: true, cause: undefined });
    expect(await session.token()).toBeUndefined();
  });

  it('ignores a remembered provider that is no longer configured', () => {
    const session = new Session({ providers, memory: memory('github') });
    expect(session.snapshot().status).toBe('signed-out');
  });

  it('renews shortly before the token expires, once for all callers', async () => {
    let clock = 0;
    let count = 0;
    const { session, fetch } = sessionWith([() => json(answer(`t${++count}`))], {
      now: () => clock,
    });
    await session.signIn('guest');
    clock = 3_550_000;
    const tokens = await Promise.all([session.token(), session.token(), session.token()]);
    expect(tokens).toEqual(['t2', 't2', 't2']);
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  it('does not renew twice for two requests that were refused with the same token', async () => {
    let count = 0;
    const { session, fetch } = sessionWith([() => json(answer(`t${++count}`))], {});
    await session.signIn('guest');
    expect(await session.renew('t1')).toBe('t2');
    expect(await session.renew('t1')).toBe('t2');
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  it('remembers on sign-out that the visitor left', async () => {
    const store = memory();
    const { session } = sessionWith([() => json(answer('t'))], { memory: store });
    await session.signIn('guest');
    expect(store.read()).toBe('guest');
    await session.signOut();
    expect(store.read()).toBe(left);
    expect(store.identity()).toBeUndefined();
    expect(session.snapshot()).toEqual({ status: 'signed-out' });
  });

  it('ends the session at the provider too, where it names an address for that', async () => {
    const go = vi.fn();
    const { session } = sessionWith([() => json({ logoutUrl: 'https://id.example/out' })], {
      grant: granted('t1'),
      go,
    });
    await session.signOut();
    expect(go).toHaveBeenCalledWith('https://id.example/out');
  });
});

describe('a session that cannot be renewed', () => {
  const past = 4_000_000;

  it('is ended, not gone, and requests wait until somebody signs in again', async () => {
    let clock = 0;
    const { session } = sessionWith([() => refusal(401)], {
      grant: granted('t1'),
      now: () => clock,
      popup: async () => answer('t2', 'user:default/ada'),
    });
    clock = past;
    const waiting = session.token();
    await vi.waitFor(() =>
      expect(session.snapshot()).toMatchObject({
        status: 'signed-in',
        ended: { reason: 'no refresh token', waiting: 1 },
      }),
    );
    const another = session.token();
    vi.stubGlobal('location', { href: 'https://p.example/catalog' });
    await session.signIn('okta');
    vi.unstubAllGlobals();
    expect(await Promise.all([waiting, another])).toEqual(['t2', 't2']);
    expect(session.snapshot()).not.toHaveProperty('ended');
  });

  it('does not finish for another user what the first one began', async () => {
    let clock = 0;
    const { session } = sessionWith([() => refusal(401)], {
      grant: granted('t1'),
      now: () => clock,
      popup: async () => answer('t2', 'user:default/eve'),
    });
    clock = past;
    const waiting = session.token();
    vi.stubGlobal('location', { href: 'https://p.example/catalog' });
    await vi.waitFor(() => expect(session.snapshot()).toHaveProperty('ended'));
    await session.signIn('okta');
    vi.unstubAllGlobals();
    expect(await waiting).toBeUndefined();
    expect(await session.token()).toBe('t2');
  });

  it.each([429, 500, 503])('is kept when the server answers %i', async status => {
    let clock = 0;
    const { session } = sessionWith([() => json({}, status)], {
      grant: granted('t1'),
      now: () => clock,
    });
    clock = past;
    expect(await session.token()).toBe('t1');
    expect(session.snapshot()).not.toHaveProperty('ended');
  });

  it('goes on when the user has signed in elsewhere', async () => {
    let clock = 0;
    const { session } = sessionWith(
      [() => refusal(401), () => json(answer('t2', 'user:default/ada'))],
      { grant: granted('t1'), now: () => clock, memory: memory('okta') },
    );
    clock = past;
    const waiting = session.token();
    await vi.waitFor(() => expect(session.snapshot()).toHaveProperty('ended'));
    await session.resume();
    expect(await waiting).toBe('t2');
  });
});

/** Tabs of one browser: they hear each other, and one works at a time. */
function browser() {
  const ears: ((message: TabMessage) => void)[] = [];
  let queue: Promise<unknown> = Promise.resolve();
  let busy = 0;
  return (): Tabs => {
    let own: ((message: TabMessage) => void) | undefined;
    return {
      exclusive<T>(work: (waited: boolean) => Promise<T>): Promise<T> {
        const waited = busy++ > 0;
        const result = queue.then(() => work(waited));
        queue = result.then(
          () => busy--,
          () => busy--,
        );
        return result;
      },
      tell: message => ears.filter(ear => ear !== own).forEach(ear => ear(message)),
      listen(hear) {
        own = hear;
        ears.push(hear);
      },
    };
  };
}

describe('tabs', () => {
  it('refresh once together', async () => {
    let clock = 0;
    const tab = browser();
    const deps = { grant: granted('t1'), now: () => clock };
    const fetch = vi.fn(async () => json(answer('t2', 'user:default/ada')));
    const make = () =>
      new Session({ providers, memory: memory('okta'), fetch, tabs: tab(), ...deps });
    const [one, two] = [make(), make()];
    clock = 3_580_000;
    expect(await Promise.all([one.token(), two.token()])).toEqual(['t2', 't2']);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it('sign out together, also requests that wait', async () => {
    const tab = browser();
    const make = () =>
      new Session({
        providers,
        memory: memory('okta'),
        grant: granted('t1'),
        tabs: tab(),
        fetch: async () => json({}),
      });
    const [one, two] = [make(), make()];
    await one.signOut();
    expect(two.snapshot()).toEqual({ status: 'signed-out' });
    expect(await two.token()).toBeUndefined();
  });

  it('that ended go on when one of them signed in', async () => {
    let clock = 0;
    const tab = browser();
    const make = (popup?: SessionDeps['popup']) =>
      new Session({
        providers,
        memory: memory('okta'),
        grant: granted('t1'),
        tabs: tab(),
        now: () => clock,
        fetch: async () => refusal(401),
        popup,
      });
    const one = make(async () => answer('t2', 'user:default/ada'));
    const two = make();
    clock = 4_000_000;
    const waiting = two.token();
    await vi.waitFor(() => expect(two.snapshot()).toHaveProperty('ended'));
    vi.stubGlobal('location', { href: 'https://p.example/' });
    await one.signIn('okta');
    vi.unstubAllGlobals();
    expect(await waiting).toBe('t2');
  });

  it('alone, work is done at once', async () => {
    expect(await aloneTabs.exclusive(async waited => waited)).toBe(false);
  });
});

describe('client', () => {
  it('renews the token after a 401 and repeats the request once', async () => {
    const seen: (string | null)[] = [];
    const fetcher = vi.fn(async (_: unknown, init?: RequestInit) => {
      const auth = new Headers(init?.headers).get('authorization');
      seen.push(auth);
      return auth === 'Bearer new' ? json({ ok: true }) : json({}, 401);
    });
    const renew = vi.fn(async () => 'new');
    const client = createClient({ token: async () => 'old', renew }, fetcher);
    await expect(client.get('/x')).resolves.toEqual({ ok: true });
    expect(seen).toEqual(['Bearer old', 'Bearer new']);
    expect(renew).toHaveBeenCalledWith('old');
  });

  it('turns the error envelope into an ApiError', async () => {
    const body = { error: { name: 'InputError', message: 'bad filter' } };
    const client = createClient(
      { token: async () => undefined, renew: async () => undefined },
      async () => json(body, 400),
    );
    await expect(client.get('/x')).rejects.toMatchObject({
      name: 'InputError',
      message: 'bad filter',
      status: 400,
      temporary: false,
    });
  });

  it('calls a server that cannot be reached a network error', async () => {
    const client = createClient(
      { token: async () => undefined, renew: async () => undefined },
      async () => Promise.reject(new TypeError('fetch')),
    );
    await expect(client.get('/x')).rejects.toMatchObject({ name: 'NetworkError', temporary: true });
  });
});
