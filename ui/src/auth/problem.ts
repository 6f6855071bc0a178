import { ApiError } from '@/api/errors';

/** What is said about a sign-in that did not work. */
export interface Problem {
  title: string;
  /** What happened, as far as it is worth saying. */
  text?: string;
  advice: string;
  /** Whether leaving the page for the provider may work where its window did not. */
  leave?: boolean;
}

const turnedDown = new Set(['NotAllowedError', 'ForbiddenError', 'NotFoundError']);

/** Explains why a sign-in did not work, and what to do about it. */
export function problemOf(cause: unknown): Problem {
  const name = cause instanceof Error ? cause.name : 'Error';
  const text = cause instanceof Error ? cause.message : String(cause);
  switch (name) {
    case 'PopupBlocked':
      return {
        title: 'The sign-in window was blocked',
        advice: 'Allow pop-up windows for this page and try again, or sign in without a window.',
        leave: true,
      };
    case 'PopupClosed':
      return {
        title: 'The sign-in window was closed',
        advice:
          'Try again and finish there. If it keeps closing by itself, sign in without a window.',
        leave: true,
      };
    case 'WrongAddress':
      return {
        title: 'This is not the address of the portal',
        advice: text,
      };
    case 'NetworkError':
      return {
        title: 'The server does not answer',
        advice: 'Check your connection and try again.',
      };
  }
  if (cause instanceof ApiError && cause.temporary) {
    return { title: 'The server is busy', text, advice: 'Try again in a moment.' };
  }
  if (turnedDown.has(name)) {
    return {
      title: 'You were not signed in',
      text,
      advice:
        'If you should have access, ask whoever runs the portal to let you in, and tell them the sentence above.',
    };
  }
  return {
    title: 'You could not be signed in',
    text,
    advice: 'Try again. If it stays so, tell whoever runs the portal the sentence above.',
  };
}
