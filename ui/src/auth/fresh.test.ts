import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keepFresh } from './fresh';
import { Session } from './session';

const granted = (token: string) => ({
  token,
  expiresInSeconds: 3600,
  provider: 'guest',
  userEntityRef: 'user:default/guest',
  ownershipEntityRefs: [],
});

/** A page of which only one thing counts: whether somebody looks at it. */
function stage() {
  const listeners = new Set<() => void>();
  const page = {
    hidden: false,
    addEventListener: (_: string, tell: () => void) => void listeners.add(tell),
    removeEventListener: (_: string, tell: () => void) => void listeners.delete(tell),
  };
  const show = (shown: boolean) => {
    page.hidden = !shown;
    listeners.forEach(tell => tell());
  };
  return { page: page as unknown as Document, show };
}

function start(answer: () => Response) {
  const fetch = vi.fn(async () => answer());
  let provider = 'guest';
  const session = new Session({
    providers: [{ id: 'guest', title: 'Guest', silent: true }],
    memory: {
      read: () => provider,
      write: value => (provider = value),
      identity: () => undefined,
      keep: () => undefined,
    },
    grant: granted('t1'),
    fetch,
  });
  return { session, fetch };
}

const renewed = () => {
  const { token, expiresInSeconds, userEntityRef, ownershipEntityRefs } = granted('t2');
  return new Response(
    JSON.stringify({
      profile: {},
      backstageIdentity: {
        token,
        expiresInSeconds,
        identity: { userEntityRef, ownershipEntityRefs },
      },
    }),
  );
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('keepFresh', () => {
  it('renews a minute before the token expires, and goes on', async () => {
    const { session, fetch } = start(renewed);
    const { page } = stage();
    const stop = keepFresh(session, page);
    await vi.advanceTimersByTimeAsync(3_539_000);
    expect(fetch).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2000);
    expect(fetch).toHaveBeenCalledTimes(1);
    expect(await session.token()).toBe('t2');
    await vi.advanceTimersByTimeAsync(3_541_000);
    expect(fetch).toHaveBeenCalledTimes(2);
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves a page alone that nobody looks at, until somebody does', async () => {
    const { session, fetch } = start(renewed);
    const { page, show } = stage();
    const stop = keepFresh(session, page);
    show(false);
    await vi.advanceTimersByTimeAsync(4_000_000);
    expect(fetch).not.toHaveBeenCalled();
    show(true);
    await vi.advanceTimersByTimeAsync(2000);
    expect(fetch).toHaveBeenCalledTimes(1);
    stop();
  });

  it('tries again after a while when the server does not answer', async () => {
    const { session, fetch } = start(() => new Response('', { status: 503 }));
    const { page } = stage();
    const stop = keepFresh(session, page);
    await vi.advanceTimersByTimeAsync(3_541_000);
    expect(fetch).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(17_000);
    expect(fetch).toHaveBeenCalledTimes(2);
    expect(session.snapshot()).not.toHaveProperty('ended');
    stop();
  });
});
