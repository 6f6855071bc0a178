const key = 'stagedoor-leaving';

/** Notes that this tab leaves for a provider; what it comes back with is then believed. */
export function noteLeaving(): void {
  sessionStorage.setItem(key, 'yes');
}

/**
 * What went wrong with a sign-in without a window: the address that it came back to
 * says so. Anybody can make such an address, so it counts only in a tab that left for
 * a provider. The address is cleaned.
 */
export function takeRedirectError(): Error | undefined {
  const left = sessionStorage.getItem(key) !== null;
  sessionStorage.removeItem(key);
  const url = new URL(location.href);
  const told = url.searchParams.get('error');
  if (!left || told === null) return undefined;
  url.searchParams.delete('error');
  history.replaceState(history.state, '', url);
  return Object.assign(new Error(told || 'The provider did not sign you in.'), {
    name: 'NotAllowedError',
  });
}
