import { QueryClient } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Session, SessionState } from '@/auth/session';
import { startLive } from './live';

const identity = {
  provider: 'okta',
  userEntityRef: 'user:default/ada',
  ownershipEntityRefs: [],
  profile: {},
};

/** A session whose state the test sets; asking for a token tells its listeners, as waiting does. */
function stage(state: SessionState) {
  const listeners = new Set<() => void>();
  const set = (next: SessionState) => {
    state = next;
    listeners.forEach(tell => tell());
  };
  const token = vi.fn(async () => {
    listeners.forEach(tell => tell());
    return 't';
  });
  const session = {
    snapshot: () => state,
    subscribe(tell: () => void) {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    token,
  };
  return { session: session as unknown as Session, set, token };
}

const fetch = vi.fn();

beforeEach(() => {
  fetch.mockReset();
  fetch.mockReturnValue(new Promise(() => undefined)); // a stream that stays open
  vi.stubGlobal('fetch', fetch);
  vi.stubGlobal('document', {
    hidden: false,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  });
});
afterEach(() => void vi.unstubAllGlobals());

describe('live updates', () => {
  it('make one connection, whatever the session tells meanwhile', async () => {
    const { session, set } = stage({ status: 'signed-in', identity });
    const stop = startLive(new QueryClient(), session);
    set({ status: 'signed-in', identity: { ...identity } });
    await vi.waitFor(() => expect(fetch).toHaveBeenCalled());
    expect(fetch).toHaveBeenCalledTimes(1);
    stop();
  });

  it('do not ask for a token while the session is ended, and begin when it goes on', async () => {
    const ended = { reason: '', waiting: 0 };
    const { session, set, token } = stage({ status: 'signed-in', identity, ended });
    const stop = startLive(new QueryClient(), session);
    set({ status: 'signed-in', identity, ended: { ...ended, waiting: 1 } });
    expect(token).not.toHaveBeenCalled();
    set({ status: 'signed-in', identity });
    await vi.waitFor(() => expect(fetch).toHaveBeenCalledTimes(1));
    stop();
  });
});
