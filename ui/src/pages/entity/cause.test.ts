import { describe, expect, it } from 'vitest';
import { causeText, shortCommit } from './cause';

describe('causes', () => {
  it.each([
    [{ kind: 'location', source: 'location:default/generated-1f' }, 'read from /srv/a.yaml'],
    [{ kind: 'location', source: 'location:default/harbour' }, 'read from default/harbour'],
    [{ kind: 'provider', source: 'github-org' }, 'brought by the provider github-org'],
    [{ kind: 'push', source: 'ci' }, 'pushed by ci'],
    [{ kind: 'user', actor: 'user:default/ines' }, 'by user:default/ines'],
    [{ kind: 'eclipse' }, 'for an unknown reason'],
  ])('says %j', (cause, want) => {
    expect(causeText({ cause }, 'file:/srv/a.yaml')).toBe(want);
  });

  it('shortens commits and nothing else', () => {
    expect(shortCommit('0123456789abcdef0123')).toBe('01234567');
    expect(shortCommit('v1.2.3-release-candidate')).toBe('v1.2.3-release-candidate');
  });
});
