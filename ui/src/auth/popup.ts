import type { SessionAnswer } from './answer';

/** The parts of a window that the sign-in needs. */
export interface Opener {
  readonly location: { readonly origin: string };
  open(url: string, name: string, features: string): Popup | null;
  addEventListener(type: 'message', listener: (event: PopupMessage) => void): void;
  removeEventListener(type: 'message', listener: (event: PopupMessage) => void): void;
}

export interface Popup {
  readonly closed: boolean;
  close(): void;
  focus(): void;
}

export interface PopupMessage {
  readonly origin: string;
  readonly source: unknown;
  readonly data: unknown;
}

/** Why a sign-in window brought no session. */
export class PopupError extends Error {
  constructor(
    override readonly name: 'PopupBlocked' | 'PopupClosed' | 'WrongAddress' | (string & {}),
    message: string,
  ) {
    super(message);
  }
}

interface Answer {
  type?: unknown;
  targetOrigin?: unknown;
  response?: SessionAnswer;
  error?: { name?: unknown; message?: unknown };
}

/** Larger than any provider's form needs, and still a window and not a tab. */
const size = 'width=520,height=720,popup=yes';
const pollEvery = 150;
/** A window that sends its answer and closes at once may be seen closed before it is heard. */
const lastWords = 400;

/**
 * Opens the sign-in window and waits for what it says: first where it would send
 * the answer (config_info), then the answer (authorization_response). Only messages
 * of that window and of this portal's origin count. Must be called in the handler
 * of a click, or browsers block the window.
 */
export function signInByPopup(
  url: string,
  opener: Opener = window as unknown as Opener,
): Promise<SessionAnswer> {
  const popup = opener.open(url, 'stagedoor-sign-in', size);
  if (!popup || popup.closed) {
    return Promise.reject(
      new PopupError('PopupBlocked', 'The browser did not let the sign-in window open.'),
    );
  }
  popup.focus();
  const home = opener.location.origin;
  return new Promise<SessionAnswer>((resolve, reject) => {
    let last: ReturnType<typeof setTimeout> | undefined;
    const done = () => {
      clearInterval(poll);
      clearTimeout(last);
      opener.removeEventListener('message', hear);
    };
    const fail = (name: string, message: string) => {
      done();
      popup.close();
      reject(new PopupError(name, message));
    };
    const hear = ({ origin, source, data }: PopupMessage) => {
      if (source !== popup || origin !== home) return;
      if (typeof data !== 'object' || data === null) return;
      const { type, targetOrigin, response, error } = data as Answer;
      if (type === 'config_info' && typeof targetOrigin === 'string' && targetOrigin !== home) {
        fail(
          'WrongAddress',
          `The portal is configured as ${targetOrigin}, but you have it open at ${home}. Open it there and sign in again.`,
        );
      }
      if (type !== 'authorization_response') return;
      if (response) {
        done();
        resolve(response);
      } else {
        fail(
          typeof error?.name === 'string' ? error.name : 'Error',
          typeof error?.message === 'string' ? error.message : 'The provider gave no reason.',
        );
      }
    };
    const poll = setInterval(() => {
      if (!popup.closed) return;
      clearInterval(poll);
      last = setTimeout(
        () => fail('PopupClosed', 'The sign-in window was closed before you were signed in.'),
        lastWords,
      );
    }, pollEvery);
    opener.addEventListener('message', hear);
  });
}
