/** How the browser is brought to the identity provider and back. */
export type Flow = 'popup' | 'redirect';

export interface StartRequest {
  provider: string;
  /** The environment of the configuration, auth.environment. */
  environment: string;
  flow: Flow;
  /** The page to come back to. */
  href: string;
}

/** Where an interactive sign-in begins. */
export function startAddress({ provider, environment, flow, href }: StartRequest): string {
  const back = new URL(href);
  back.searchParams.delete('error'); // of an attempt before
  const search = new URLSearchParams({
    env: environment,
    scope: '',
    origin: back.origin,
    redirectUrl: back.href,
    flow,
  });
  return `/api/auth/${encodeURIComponent(provider)}/start?${search}`;
}

/** An address that the server names, if it is one that a browser may be sent to. */
export function webAddress(text: unknown): string | undefined {
  if (typeof text !== 'string' || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : undefined;
}
