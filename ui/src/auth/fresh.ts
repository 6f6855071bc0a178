import { margin, type Session } from './session';

const soonest = 1000;
/** Again after a failure that may pass. */
const again = 15_000;

/**
 * Renews the session shortly before it expires as long as the page is looked at, so
 * that nobody learns of its end by pressing a button. A hidden tab renews when it is
 * seen again. Returns what stops it.
 */
export function keepFresh(session: Session, page: Document = document): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const plan = () => {
    clearTimeout(timer);
    const expires = session.expires();
    const state = session.snapshot();
    if (expires === undefined || page.hidden) return;
    if (state.status !== 'signed-in' || state.ended) return;
    const left = expires - margin - Date.now();
    timer = setTimeout(() => void renew(expires), Math.max(left, soonest));
  };
  const renew = async (expires: number) => {
    // While it is ended this waits, and the session tells when it goes on.
    await session.token();
    if (session.expires() === expires) timer = setTimeout(plan, again);
    else plan();
  };
  const unsubscribe = session.subscribe(plan);
  page.addEventListener('visibilitychange', plan);
  plan();
  return () => {
    clearTimeout(timer);
    unsubscribe();
    page.removeEventListener('visibilitychange', plan);
  };
}
