import type { Grant } from '@/app/boot';

/** What tabs of one browser tell each other about the session. */
export type TabMessage = { type: 'grant'; grant: Grant } | { type: 'signed-out' };

/** The other tabs of this browser that show the portal. */
export interface Tabs {
  /**
   * Runs work while no other tab does; it is told whether it had to wait for one.
   * A browser without locks runs it at once.
   */
  exclusive<T>(work: (waited: boolean) => Promise<T>): Promise<T>;
  tell(message: TabMessage): void;
  listen(hear: (message: TabMessage) => void): void;
}

const name = 'stagedoor-session';

/** Speaks over a BroadcastChannel, which pages of the same origin alone can hear. */
export function browserTabs(): Tabs {
  const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(name);
  // Absent where the page is not served securely.
  const locks = (navigator as { locks?: LockManager }).locks;
  return {
    async exclusive<T>(work: (waited: boolean) => Promise<T>): Promise<T> {
      if (!locks) return work(false);
      const free = await locks.request(name, { ifAvailable: true }, async lock =>
        lock ? { result: await work(false) } : undefined,
      );
      if (free) return free.result;
      return locks.request(name, () => work(true));
    },
    tell: message => channel?.postMessage(message),
    listen(hear) {
      channel?.addEventListener('message', (event: MessageEvent<TabMessage>) => hear(event.data));
    },
  };
}

/** One tab alone, for tests and for browsers without channels. */
export const aloneTabs: Tabs = {
  exclusive: work => work(false),
  tell: () => undefined,
  listen: () => undefined,
};
