import { describe, expect, it, vi } from 'vitest';
import { createClient } from '@/api/client';
import { Session, type Memory } from './session';

const answer = (token: string) => ({
  profile: {},
  backstageIdentity: {
    token,
    expiresInSeconds: 3600,
    identity: { userEntityRef: 'user:default/guest', ownershipEntityRefs: ['user:default/guest'] },
  },
});

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

function memory(provider?: string): Memory {
  return { read: () => provider, write: value => (provider = value) };
}

const providers = [{ id: 'guest', title: 'Guest' }];

describe('session', () => {
  it('is signed out when nothing is remembered', () => {
    const session = new Session({ providers, memory: memory() });
    expect(session.snapshot()).toEqual({ status: 'signed-out' });
  });

  it('restores the remembered provider silently', async () => {
    const fetch = vi.fn(async () => json(answer('t1')));
    const session = new Session({ providers, memory: memory('guest'), fetch });
    expect(session.snapshot().status).toBe('restoring');
    await session.restore();
    expect(session.snapshot().status).toBe('signed-in');
    expect(await session.token()).toBe('t1');
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it('ignores a remembered provider that is no longer configured', () => {
    const session = new Session({ providers, memory: memory('github') });
    expect(session.snapshot().status).toBe('signed-out');
  });

  it('renews shortly before the token expires, once for all callers', async () => {
    let clock = 0;
    let count = 0;
    const fetch = vi.fn(async () => json(answer(`t${++count}`)));
    const session = new Session({ providers, memory: memory(), fetch, now: () => clock });
    await session.signIn('guest');
    clock = 3_550_000;
    const tokens = await Promise.all([session.token(), session.token(), session.token()]);
    expect(tokens).toEqual(['t2', 't2', 't2']);
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  it('forgets the choice on sign-out', async () => {
    const store = memory();
    const session = new Session({ providers, memory: store, fetch: async () => json(answer('t')) });
    await session.signIn('guest');
    expect(store.read()).toBe('guest');
    await session.signOut();
    expect(store.read()).toBeUndefined();
    expect(session.snapshot().status).toBe('signed-out');
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
    const client = createClient({ token: async () => 'old', renew: async () => 'new' }, fetcher);
    await expect(client.get('/x')).resolves.toEqual({ ok: true });
    expect(seen).toEqual(['Bearer old', 'Bearer new']);
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
