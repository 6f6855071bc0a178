import { useCallback, useEffect, useState } from 'react';

const read = () => {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
};

/** The part of the address behind #, and a way to change it without a new entry in the history. */
export function useHash(): [string, (hash: string) => void] {
  const [hash, setHash] = useState(read);
  useEffect(() => {
    const follow = () => setHash(read());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const change = useCallback((next: string) => {
    setHash(next);
    const url = location.pathname + location.search + (next ? `#${encodeURIComponent(next)}` : '');
    history.replaceState(history.state, '', url);
  }, []);
  return [hash, change];
}
