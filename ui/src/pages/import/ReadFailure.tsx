import { IconFileOff, IconLock, IconRefresh } from '@tabler/icons-react';
import { ApiError } from '@/api/errors';
import { AppLink } from '@/kit/AppLink';
import { CopyButton } from '@/kit/CopyButton';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message } from '@/kit/kit';
import { configurationFor, isForbiddenHost } from './target';
import { CodeBlock } from '@/kit/CodeBlock';

interface ReadFailureProps {
  error: unknown;
  target: string;
  retry: () => void;
}

/** Why an address could not be read, and what would help. */
export function ReadFailure({ error, target, retry }: ReadFailureProps) {
  const message = error instanceof Error ? error.message : String(error);
  const again = (
    <button type="button" className="btn" onClick={retry}>
      <IconRefresh size={15} aria-hidden />
      Try again
    </button>
  );
  if (isForbiddenHost(message)) {
    const configuration = configurationFor(target);
    return (
      <section className="panel import-refused" aria-label="Not allowed">
        <h2>
          <IconLock size={17} stroke={1.7} aria-hidden />
          The portal may not read from {new URL(target).host}
        </h2>
        <p className="muted">
          It only reads from hosts that the configuration names. Whoever runs the portal adds this
          to <code>app-config.yaml</code>; it takes effect at once.
        </p>
        <CodeBlock>{configuration}</CodeBlock>
        <div className="import-actions">
          <CopyButton text={configuration} what="the configuration" label="Copy" />
          {again}
        </div>
        <details>
          <summary>What the server said</summary>
          <p className="muted">{message}</p>
        </details>
      </section>
    );
  }
  if (error instanceof ApiError && (error.status === 0 || error.status >= 500)) {
    return <ErrorMessage error={error} retry={retry} />;
  }
  return (
    <Message
      icon={IconFileOff}
      tone="red"
      title="It could not be read"
      actions={
        <>
          {again}
          <AppLink className="btn" href={`/catalog/why?q=${encodeURIComponent(target)}`}>
            What is known about it
          </AppLink>
        </>
      }
    >
      <p className="import-message">{message}</p>
    </Message>
  );
}
