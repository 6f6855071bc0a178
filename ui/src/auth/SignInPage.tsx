import { IconAlertTriangle, IconArrowRight } from '@tabler/icons-react';
import { useState } from 'react';
import { boot, session } from '@/app/services';
import { useTitle } from '@/app/title';
import { Mark } from '@/kit/kit';

/** Lists the ways to sign in; a guest is in with one click. */
export function SignInPage({ reason }: { reason?: string }) {
  const { app, organization, providers } = boot.config;
  const [busy, setBusy] = useState<string>();
  const [problem, setProblem] = useState(reason);
  useTitle('Sign in');

  const enter = async (id: string) => {
    setBusy(id);
    setProblem(undefined);
    try {
      await session.signIn(id);
    } catch (cause) {
      setProblem(cause instanceof Error ? cause.message : String(cause));
      setBusy(undefined);
    }
  };

  return (
    <main className="center">
      <div className="sign-in">
        <Mark />
        <h1>{organization?.name || app.title}</h1>
        <p>Everything your teams build and run, in one place.</p>
        <div className="sign-in-list">
          {providers.map(({ id, title, message }, at) => (
            <div key={id}>
              <button
                type="button"
                className={at === 0 ? 'btn btn-large btn-primary' : 'btn btn-large'}
                disabled={busy !== undefined}
                onClick={() => void enter(id)}
              >
                {id === 'guest' ? 'Enter as guest' : `Sign in with ${title}`}
                {at === 0 && <IconArrowRight size={16} aria-hidden />}
              </button>
              {message && <p>{message}</p>}
            </div>
          ))}
        </div>
        {providers.length === 0 && (
          <p>
            No sign-in provider is configured. Add one under <code>auth.providers</code>.
          </p>
        )}
        <div role="alert" className="sign-in-alert">
          {problem && (
            <div className="notice">
              <IconAlertTriangle size={16} aria-hidden />
              <span>You could not be signed in: {problem}</span>
            </div>
          )}
        </div>
      </div>
    </main>
  );
}
