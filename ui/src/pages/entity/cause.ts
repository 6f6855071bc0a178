import type { Version } from '@/api/entity';

const operations: Record<string, string> = {
  create: 'Created',
  update: 'Changed',
  delete: 'Removed',
};

export const operation = (op: string): string => operations[op] ?? op;

/**
 * Why a version came about, as one phrase. `place` is where the entity stands now:
 * it says more than the generated name of a location.
 */
export function causeText({ cause }: Pick<Version, 'cause'>, place?: string): string {
  const generated = cause.source?.startsWith('location:default/generated-');
  const source = (generated ? place : cause.source)?.replace(/^(url|file|location):/, '');
  switch (cause.kind) {
    case 'location':
      return source ? `read from ${source}` : 'read from its location';
    case 'provider':
      return source ? `brought by the provider ${source}` : 'brought by a provider';
    case 'push':
      return source ? `pushed by ${source}` : 'pushed';
    case 'user':
      return cause.actor ? `by ${cause.actor}` : 'by a user';
    case 'webhook':
      return source ? `an event from ${source}` : 'an event from outside';
    case 'config':
      return 'from the configuration';
    default:
      return source ?? 'for an unknown reason';
  }
}

/** The short form of a commit. */
export const shortCommit = (commit: string): string =>
  /^[0-9a-f]{12,}$/i.test(commit) ? commit.slice(0, 8) : commit;
