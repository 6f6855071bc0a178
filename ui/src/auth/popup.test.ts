import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { signInByPopup, type Opener, type PopupMessage } from './popup';

const home = 'https://portal.example';

function stage({ blocked = false } = {}) {
  const popup = { closed: false, close: vi.fn(() => (popup.closed = true)), focus: vi.fn() };
  const listeners = new Set<(event: PopupMessage) => void>();
  const opener: Opener = {
    location: { origin: home },
    open: vi.fn(() => (blocked ? null : popup)),
    addEventListener: (_, listener) => void listeners.add(listener),
    removeEventListener: (_, listener) => void listeners.delete(listener),
  };
  const say = (data: unknown, { origin = home, source = popup as unknown } = {}) =>
    [...listeners].forEach(listener => listener({ origin, source, data }));
  return { popup, opener, say, listeners };
}

const answer = {
  type: 'authorization_response',
  response: {
    backstageIdentity: {
      token: 't',
      identity: { userEntityRef: 'user:default/ada', ownershipEntityRefs: [] },
    },
  },
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the sign-in window', () => {
  it('hands over the session and stops listening', async () => {
    const { opener, say, listeners } = stage();
    const result = signInByPopup('/start', opener);
    say({ type: 'config_info', targetOrigin: home });
    say(answer);
    await expect(result).resolves.toEqual(answer.response);
    expect(listeners.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not believed when another window or another origin speaks', async () => {
    const { opener, say, popup } = stage();
    const result = signInByPopup('/start', opener);
    const settled = vi.fn();
    result.then(settled, settled);
    say(answer, { origin: 'https://evil.example' });
    say(answer, { source: {} });
    say('authorization_response');
    say(null);
    await vi.advanceTimersByTimeAsync(1000);
    expect(settled).not.toHaveBeenCalled();
    popup.closed = true;
    await vi.advanceTimersByTimeAsync(1000);
    await expect(result).rejects.toMatchObject({ name: 'PopupClosed' });
  });

  it('passes on why the provider refused', async () => {
    const { opener, say, popup } = stage();
    const result = signInByPopup('/start', opener);
    say({
      type: 'authorization_response',
      error: { name: 'NotAllowedError', message: 'nobody is ada' },
    });
    await expect(result).rejects.toMatchObject({
      name: 'NotAllowedError',
      message: 'nobody is ada',
    });
    expect(popup.close).toHaveBeenCalled();
  });

  it('says where the portal is when it is open under another address', async () => {
    const { opener, say } = stage();
    const result = signInByPopup('/start', opener);
    say({ type: 'config_info', targetOrigin: 'https://real.example' });
    await expect(result).rejects.toMatchObject({
      name: 'WrongAddress',
      message: expect.stringContaining('https://real.example') as string,
    });
  });

  it('may be blocked by the browser', async () => {
    const { opener } = stage({ blocked: true });
    await expect(signInByPopup('/start', opener)).rejects.toMatchObject({ name: 'PopupBlocked' });
  });

  it('is heard out when it closes with its last word', async () => {
    const { opener, say, popup } = stage();
    const result = signInByPopup('/start', opener);
    popup.closed = true;
    await vi.advanceTimersByTimeAsync(200);
    say(answer);
    await expect(result).resolves.toEqual(answer.response);
  });
});
