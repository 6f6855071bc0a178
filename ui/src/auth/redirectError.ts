interface Told {
  name?: string;
  message?: string;
  error?: Told;
}

/**
 * After a sign-in without a window that failed, the address says so and the server
 * knows why; the address is cleaned. Resolves to undefined when nothing failed.
 */
export async function takeRedirectError(): Promise<Error | undefined> {
  const url = new URL(location.href);
  if (url.searchParams.get('error') !== 'true') return undefined;
  url.searchParams.delete('error');
  history.replaceState(history.state, '', url);
  const failure = new Error('The provider did not sign you in.');
  try {
    const response = await fetch('/api/auth/.backstage/error', {
      headers: { Accept: 'application/json', 'X-Requested-With': 'XMLHttpRequest' },
    });
    if (!response.ok) return failure;
    const told = (await response.json()) as Told | null;
    const { name, message } = told?.error ?? told ?? {};
    if (!message) return failure;
    return Object.assign(new Error(message), { name: name ?? 'Error' });
  } catch {
    return failure;
  }
}
