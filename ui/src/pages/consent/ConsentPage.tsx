import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { IconCheck, IconCircleCheck, IconClockX, IconDeviceDesktop } from '@tabler/icons-react';
import { useState } from 'react';
import { ApiError } from '@/api/errors';
import { consentSession, decideConsent, type ConsentSession } from '@/api/consent';
import { boot } from '@/app/services';
import { useTitle } from '@/app/title';
import { signOut, useIdentity } from '@/app/UserMenu';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Avatar, Mark, Message } from '@/kit/kit';
import { isTarget, readAsk } from './ask';
import './consent.css';

const clock = new Intl.DateTimeFormat('en', { timeStyle: 'short' });

/** Asks whether a program may act as the user. */
export function ConsentPage() {
  useTitle('Allow access');
  const { sessionId = '' } = useParams({ strict: false }) as { sessionId?: string };
  const query = useQuery(consentSession(sessionId));
  return (
    <main className="center" id="main">
      <div className="consent">
        <div className="consent-brand">
          <Mark />
          <span>{boot.config.organization?.name || boot.config.app.title}</span>
        </div>
        {query.isError ? (
          <Unknown error={query.error} retry={() => void query.refetch()} />
        ) : query.data ? (
          <Question session={query.data} id={sessionId} />
        ) : (
          <div className="consent-card sk-live" aria-busy="true" />
        )}
      </div>
    </main>
  );
}

/** The request is gone: used up, expired, or never made. */
function Unknown({ error, retry }: { error: Error; retry: () => void }) {
  const gone = error instanceof ApiError && [400, 404, 410].includes(error.status);
  return (
    <div className="consent-card">
      {gone ? (
        <Message
          level={1}
          icon={IconClockX}
          title="This request is not open any more"
          details={error.message}
          actions={
            <AppLink className="btn" href="/catalog">
              Go to the portal
            </AppLink>
          }
        >
          <p>
            It was answered, has expired, or the address is not complete. Go back to the program and
            start signing in there once more.
          </p>
        </Message>
      ) : (
        <ErrorMessage level={1} error={error} retry={retry} />
      )}
    </div>
  );
}

function Question({ session, id }: { session: ConsentSession; id: string }) {
  const identity = useIdentity();
  const [answered, setAnswered] = useState<'approve' | 'reject'>();
  const [done, setDone] = useState(false);
  const [failure, setFailure] = useState<Error>();
  const ask = readAsk(session);
  const decide = async (decision: 'approve' | 'reject') => {
    setAnswered(decision);
    setFailure(undefined);
    try {
      const { redirectUrl } = await decideConsent(id, decision);
      if (!isTarget(redirectUrl)) throw new Error('The answer leads nowhere a browser may go.');
      location.assign(redirectUrl);
      // A program's own scheme opens the program, and this page stays.
      setDone(true);
    } catch (cause) {
      setFailure(cause as Error);
      setAnswered(undefined);
    }
  };
  if (failure && failure instanceof ApiError && [400, 404, 410].includes(failure.status)) {
    return <Unknown error={failure} retry={() => setFailure(undefined)} />;
  }
  if (done) {
    return (
      <div className="consent-card">
        <Message
          level={1}
          icon={IconCircleCheck}
          title={answered === 'approve' ? `${ask.name} may act as you` : 'Access was refused'}
        >
          <p>You can close this window and go back to the program.</p>
        </Message>
      </div>
    );
  }
  return (
    <div className="consent-card">
      <h1>
        <span className="consent-name">{ask.name}</span> wants to act as you
      </h1>
      {identity && (
        <div className="consent-user">
          <Avatar name={identity.name} />
          <span>
            <strong>{identity.name}</strong>
            <span className="mono">{identity.userEntityRef}</span>
          </span>
          <button type="button" className="text-button" onClick={() => void signOut()}>
            Not you?
          </button>
        </div>
      )}
      <h2>It may then</h2>
      <ul className="consent-list">
        <li>
          <IconCheck size={16} stroke={2} aria-hidden />
          See and do here what you may see and do.
        </li>
        {ask.scopes.map(({ name, text }) => (
          <li key={name}>
            <IconCheck size={16} stroke={2} aria-hidden />
            <span>
              {text} <span className="consent-scope">{name}</span>
            </span>
          </li>
        ))}
      </ul>
      <h2>The answer goes to</h2>
      <div className="consent-redirect">
        {ask.local && <IconDeviceDesktop size={16} stroke={1.7} aria-hidden />}
        <div>
          <strong>{ask.local ? `A program on this computer (${ask.host})` : ask.host}</strong>
          {ask.redirect && <span className="mono">{ask.redirect}</span>}
        </div>
      </div>
      {session.resource && session.resource.length > 0 && (
        <>
          <h2>Only for</h2>
          <ul className="consent-list mono">
            {session.resource.map(resource => (
              <li key={resource}>{resource}</li>
            ))}
          </ul>
        </>
      )}
      <p className="consent-hint">
        {session.firstParty
          ? 'This is the command line of the portal itself. Approve if you have just started it.'
          : 'The name above is what the program calls itself. Approve only if you have just started this yourself and know the address.'}
        {session.expiresAt &&
          ` The request is open until ${clock.format(new Date(session.expiresAt))}.`}
      </p>
      {failure && (
        <div className="notice" role="alert">
          {failure.message}
        </div>
      )}
      <div className="consent-actions">
        <button
          type="button"
          className="btn"
          disabled={answered !== undefined}
          onClick={() => void decide('reject')}
        >
          Reject
        </button>
        <button
          type="button"
          className="btn btn-primary"
          disabled={answered !== undefined}
          onClick={() => void decide('approve')}
        >
          Approve
        </button>
      </div>
    </div>
  );
}
