import { useEffect, useState } from 'react';
import { boot, session } from '@/app/services';
import { signOut } from '@/app/UserMenu';
import { Dialog } from '@/kit/Dialog';
import { ProviderIcon, signInLabel } from './providers';
import type { Ended } from './session';
import { SignInProblem } from './SignInProblem';

/**
 * Over a page whose session could not be renewed: signs in again without leaving the
 * page, so that nothing on it is lost. Put aside it leaves a banner, and comes back as
 * soon as something new has to wait.
 */
export function SessionEnded({ ended, provider: id }: { ended: Ended; provider: string }) {
  const [asideAt, setAsideAt] = useState<number>();
  useResume();
  const show = () => setAsideAt(undefined);
  if (asideAt !== undefined && ended.waiting <= asideAt) {
    return (
      <p className="banner banner-top" role="status">
        Your session has ended. What you do waits until you sign in again.
        <button type="button" className="text-button" onClick={show}>
          Sign in
        </button>
      </p>
    );
  }
  return <Ask id={id} onClose={() => setAsideAt(ended.waiting)} />;
}

function Ask({ id, onClose }: { id: string; onClose: () => void }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const provider = session.provider(id) ?? { id, title: id };
  const elsewhere = !provider.silent && boot.config.redirectFlow;
  const enter = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      await session.signIn(id);
    } catch (cause) {
      setProblem(cause);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title="Your session has ended"
      onClose={onClose}
      actions={
        <>
          <button type="button" className="btn btn-quiet" onClick={() => void signOut()}>
            Sign out
          </button>
          {elsewhere ? (
            <InNewTab id={id} label={signInLabel(provider)} primary />
          ) : (
            <button
              type="button"
              className="btn btn-primary"
              disabled={busy}
              onClick={() => void enter()}
            >
              <ProviderIcon id={id} />
              {signInLabel(provider)}
            </button>
          )}
        </>
      }
    >
      <p>Sign in again to go on. This page stays as it is; nothing you entered is lost.</p>
      {busy && !provider.silent && <p role="status">Go on in the window that opened.</p>}
      <div role="alert">{problem !== undefined && <SignInProblem cause={problem} />}</div>
      {problem !== undefined && !provider.silent && (
        <InNewTab id={id} label="Sign in in a new tab" />
      )}
    </Dialog>
  );
}

/** Signs in in another tab, which then tells this one. */
function InNewTab({ id, label, primary }: { id: string; label: string; primary?: boolean }) {
  return (
    <a
      className={primary ? 'btn btn-primary' : 'btn'}
      href={session.startOf(id, 'redirect')}
      target="_blank"
      rel="noopener"
    >
      <ProviderIcon id={id} />
      {label}
    </a>
  );
}

/** Coming back to this tab, the user may have signed in somewhere else. */
function useResume() {
  useEffect(() => {
    const seen = () => {
      if (!document.hidden) void session.resume().catch(() => undefined);
    };
    document.addEventListener('visibilitychange', seen);
    return () => document.removeEventListener('visibilitychange', seen);
  }, []);
}
