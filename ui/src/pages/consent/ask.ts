import type { ConsentSession } from '@/api/consent';

/** What a scope lets a program do, in words. */
const words: Record<string, string> = {
  openid: 'Learn who you are: your user reference in this portal.',
  profile: 'Read your name and picture.',
  email: 'Read your e-mail address.',
  offline_access: 'Stay signed in as you, also while you are away.',
};

export interface Ask {
  name: string;
  /** Where the browser goes with the answer. */
  redirect?: string;
  /** The place of it that tells most: the host, or the program's own scheme. */
  host?: string;
  /** Whether it is a program on this computer, which is how command lines sign in. */
  local: boolean;
  scopes: { name: string; text: string }[];
}

/** Reads what is asked; nothing in it is taken for true but the address. */
export function readAsk(session: ConsentSession): Ask {
  const redirect = session.redirectUri;
  const url = redirect && URL.canParse(redirect) ? new URL(redirect) : undefined;
  const names = session.scope?.split(/\s+/).filter(Boolean) ?? [];
  return {
    name: session.clientName || session.clientId || 'A program without a name',
    redirect,
    host: url && (url.host || url.protocol),
    local: url !== undefined && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname),
    scopes: names.map(name => ({ name, text: words[name] ?? `Use “${name}”.` })),
  };
}

const scripts = new Set(['javascript:', 'data:', 'vbscript:', 'blob:', 'file:']);

/** Whether the browser may be sent there: programs have schemes of their own, scripts do not count. */
export const isTarget = (text: string): boolean =>
  URL.canParse(text) && !scripts.has(new URL(text).protocol);
