import type { QueryClient } from '@tanstack/react-query';
import type { Session } from '@/auth/session';
import { createEventReader, type ServerEvent } from './eventStream';

/** What a changed entity makes old at once, by the first part of the key. */
const ofEntity = new Set(['entity', 'history', 'location-of']);
/** What any change may make old; asked again together, and not too often. */
const ofCatalog = new Set([
  'entity',
  'by-query',
  'facets',
  'by-refs',
  'graph',
  'explain',
  'unprocessed',
]);

const pause = 1500;
const firstWait = 1000;
const longestWait = 30_000;

interface Change {
  changes?: { ref: string; removed?: boolean }[];
}

/**
 * Keeps what is on screen true: follows the changes of the catalog and has the
 * affected queries asked again, quietly. A tab that is not looked at lets go of its
 * connection and catches up when it is seen again. Returns what stops it.
 */
export function startLive(client: QueryClient, session: Session, seq?: number): () => void {
  let stopped = false;
  let connection: AbortController | undefined;
  let wait = firstWait;
  let retry: ReturnType<typeof setTimeout> | undefined;
  // From the page itself: nothing that changed since it was rendered is missed.
  let last = seq === undefined ? undefined : String(seq);
  let due: ReturnType<typeof setTimeout> | undefined;

  const catchUp = () => {
    due ??= setTimeout(() => {
      due = undefined;
      void client.invalidateQueries({
        predicate: query => ofCatalog.has(String(query.queryKey[0])),
      });
    }, pause);
  };

  const onEvent = ({ name, data, id }: ServerEvent) => {
    wait = firstWait;
    last = id ?? last;
    if (name === 'reset') catchUp();
    if (name !== 'change') return;
    const refs = new Set((JSON.parse(data) as Change).changes?.map(({ ref }) => ref));
    void client.invalidateQueries({
      predicate: ({ queryKey: [sort, ref] }) => ofEntity.has(String(sort)) && refs.has(String(ref)),
    });
    catchUp();
  };

  async function connect() {
    // From the first moment, so that a change of the session meanwhile makes no second one.
    const own = new AbortController();
    connection = own;
    const token = await session.token();
    if (!token || stopped || document.hidden || connection !== own) {
      if (connection === own) connection = undefined;
      return;
    }
    try {
      const response = await fetch('/api/catalog/events', {
        headers: {
          Authorization: `Bearer ${token}`,
          Accept: 'text/event-stream',
          ...(last && { 'Last-Event-ID': last }),
        },
        signal: own.signal,
      });
      if (!response.ok || !response.body) throw new Error(`events: ${response.status}`);
      const feed = createEventReader(onEvent);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        feed(value);
      }
    } catch {
      // A lost connection is normal; below it is made again.
    }
    if (connection !== own) return;
    connection = undefined;
    if (stopped || own.signal.aborted) return;
    retry = setTimeout(() => void connect(), wait);
    wait = Math.min(wait * 2, longestWait);
  }

  const close = () => {
    clearTimeout(retry);
    connection?.abort();
    connection = undefined;
  };
  const update = () => {
    const state = session.snapshot();
    // While the session is ended, nobody but its user may ask for a new one.
    const wanted = !document.hidden && state.status === 'signed-in' && !state.ended;
    if (!wanted) close();
    else if (!connection) {
      clearTimeout(retry);
      void connect();
    }
  };

  document.addEventListener('visibilitychange', update);
  const unsubscribe = session.subscribe(update);
  update();
  return () => {
    stopped = true;
    document.removeEventListener('visibilitychange', update);
    unsubscribe();
    clearTimeout(due);
    close();
  };
}
