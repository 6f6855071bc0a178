import { useSyncExternalStore } from 'react';
import { session } from '@/app/services';

/**
 * A short list kept in this browser, one per user: starred entities, recent
 * visits. Other tabs follow through the storage event.
 */
class PersonalList<T> {
  private cache = new Map<string, { text: string | null; items: readonly T[] }>();
  private listeners = new Set<() => void>();

  constructor(private readonly name: string) {
    addEventListener('storage', event => {
      if (event.key?.startsWith(this.prefix)) this.tell();
    });
  }

  private get prefix() {
    return `stagedoor:${this.name}:`;
  }

  private get key() {
    const state = session.snapshot();
    return this.prefix + (state.status === 'signed-in' ? state.identity.userEntityRef : '');
  }

  read = (): readonly T[] => {
    const key = this.key;
    const text = localStorage.getItem(key);
    const cached = this.cache.get(key);
    if (cached && cached.text === text) return cached.items;
    const items = parseList<T>(text);
    this.cache.set(key, { text, items });
    return items;
  };

  write(items: readonly T[]) {
    localStorage.setItem(this.key, JSON.stringify(items));
    this.tell();
  }

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  private tell() {
    this.listeners.forEach(listener => listener());
  }
}

function parseList<T>(text: string | null): readonly T[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? (value as T[]) : [];
  } catch {
    return [];
  }
}

const starred = new PersonalList<string>('starred');

/** The refs of the entities this user starred. */
export function useStarred(): readonly string[] {
  return useSyncExternalStore(starred.subscribe, starred.read);
}

export function toggleStar(ref: string) {
  const items = starred.read();
  starred.write(items.includes(ref) ? items.filter(item => item !== ref) : [ref, ...items]);
}

export interface Visit {
  ref: string;
  title: string;
}

const visits = new PersonalList<Visit>('recent');
const keepVisits = 8;

/** The entities this user opened last, newest first. */
export function useVisits(): readonly Visit[] {
  return useSyncExternalStore(visits.subscribe, visits.read);
}

/** Notes that an entity was opened; entity pages and the palette call it. */
export function rememberVisit(visit: Visit) {
  const others = visits.read().filter(({ ref }) => ref !== visit.ref);
  visits.write([visit, ...others].slice(0, keepVisits));
}
