import { useEffect, useRef, useState } from 'react';
import type { SignInProvider } from '@/app/boot';
import { boot, session } from '@/app/services';
import { useTitle } from '@/app/title';
import { Mark } from '@/kit/kit';
import { browserMemory } from './memory';
import { isGateway, ProviderIcon, signInLabel } from './providers';
import { noteLeaving, takeRedirectError } from './redirectError';
import { SignInProblem } from './SignInProblem';

// Read as soon as the code runs, so that no page sees the address with it.
let redirectError = takeRedirectError();

interface SignInPageProps {
  /** Why the visitor is not signed in any more. */
  cause?: unknown;
  /** Whether there was a session that ran out. */
  expired?: boolean;
}

/** Lists the ways to sign in; a guest, or who comes through a gateway, is in with one click or none. */
export function SignInPage({ cause, expired }: SignInPageProps) {
  const { app, organization, providers } = boot.config;
  const { busy, problem, enter, leave } = useSignIn(cause);
  useTitle('Sign in');
  const waiting = providers.find(({ id }) => id === busy);
  return (
    <main className="center">
      <div className="sign-in">
        <Mark />
        <h1>{organization?.name || app.title}</h1>
        <p>
          {expired
            ? 'Your last session has ended. Sign in to go on where you were.'
            : 'Everything your teams build and run, in one place.'}
        </p>
        <ul className="sign-in-list">
          {providers.map((provider, at) => (
            <Way
              key={provider.id}
              provider={provider}
              primary={at === 0}
              busy={busy}
              onEnter={() => void enter(provider)}
            />
          ))}
        </ul>
        {providers.length === 0 && (
          <p>
            No sign-in provider is configured. Add one under <code>auth.providers</code>.
          </p>
        )}
        <div role="status" className="sign-in-note">
          {waiting && !waiting.silent && (
            <p>
              Go on in the window that opened.{' '}
              <button type="button" className="text-button" onClick={() => leave(waiting.id)}>
                No window? Sign in here
              </button>
            </p>
          )}
          {waiting && isGateway(waiting) && <p>Signing you in…</p>}
        </div>
        <div role="alert">
          {problem && (
            <SignInProblem
              cause={problem.cause}
              leave={problem.provider ? () => leave(problem.provider) : undefined}
            />
          )}
        </div>
      </div>
    </main>
  );
}

interface WayProps {
  provider: SignInProvider;
  primary: boolean;
  busy?: string;
  onEnter: () => void;
}

function Way({ provider, primary, busy, onEnter }: WayProps) {
  const { id, message } = provider;
  return (
    <li>
      <button
        type="button"
        className={primary ? 'btn btn-large btn-primary' : 'btn btn-large'}
        disabled={busy !== undefined}
        aria-describedby={message ? `about-${id}` : undefined}
        onClick={onEnter}
      >
        <ProviderIcon id={id} />
        {signInLabel(provider)}
      </button>
      {message && <p id={`about-${id}`}>{message}</p>}
    </li>
  );
}

interface Failure {
  cause: unknown;
  provider: string;
}

/** The attempt that is under way, what came of the last, and how to make one. */
function useSignIn(before?: unknown) {
  const told = redirectError ?? before;
  const [busy, setBusy] = useState<string>();
  const [problem, setProblem] = useState<Failure | undefined>(
    told ? { cause: told, provider: '' } : undefined,
  );
  const leave = (id: string) => {
    if (!id) return;
    noteLeaving();
    session.leaveToSignIn(id);
  };
  const enter = async (provider: SignInProvider) => {
    if (!provider.silent && boot.config.redirectFlow) {
      leave(provider.id);
      return;
    }
    setBusy(provider.id);
    setProblem(undefined);
    redirectError = undefined;
    try {
      await session.signIn(provider.id);
    } catch (cause) {
      setProblem({ cause, provider: provider.id });
      setBusy(undefined);
    }
  };

  // A gateway knows the visitor already; only who left on purpose is asked.
  const begun = useRef(false);
  useEffect(() => {
    if (begun.current) return;
    begun.current = true;
    const gateway = boot.config.providers.find(isGateway);
    if (gateway && !before && browserMemory.read() === undefined) void enter(gateway);
  });
  return { busy, problem, enter, leave };
}
