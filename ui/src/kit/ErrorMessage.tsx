import { IconAlertTriangle, IconPlugConnectedX, IconRefresh } from '@tabler/icons-react';
import { ApiError } from '@/api/errors';
import { Message } from './kit';

const advice: Record<string, [title: string, text: string]> = {
  NetworkError: [
    'The server does not answer',
    'Check your connection. Nothing is lost; try again as soon as you are back.',
  ],
  NotAllowedError: [
    'You may not see this, or not do this',
    'The policy of this portal does not allow it to you. Ask whoever runs the portal for the permission, with the details below.',
  ],
  AuthenticationError: [
    'You are not signed in any more',
    'Sign out and in again, then repeat what you did.',
  ],
};

/** Explains an error to people, with the technical part folded away. */
export function ErrorMessage({
  error,
  retry,
  retryLabel = 'Try again',
  level,
}: {
  error: unknown;
  retry?: () => void;
  retryLabel?: string;
  level?: 1 | 2;
}) {
  const name = error instanceof Error ? error.name : 'Error';
  const message = error instanceof Error ? error.message : String(error);
  const known = advice[name];
  const request = error instanceof ApiError ? error.request : undefined;
  return (
    <Message
      level={level}
      icon={name === 'NetworkError' ? IconPlugConnectedX : IconAlertTriangle}
      tone="red"
      title={known?.[0] ?? 'This did not work'}
      details={(request || known) && [`${name}: ${message}`, request].filter(Boolean).join('\n')}
      actions={
        retry && (
          <button type="button" className="btn" onClick={retry}>
            <IconRefresh size={15} aria-hidden />
            {retryLabel}
          </button>
        )
      }
    >
      <p>{known?.[1] ?? message}</p>
    </Message>
  );
}
