import { describe, expect, it } from 'vitest';
import { configurationFor, isFile, isForbiddenHost, nameProblem, readTarget } from './target';

describe('targets', () => {
  it.each([
    [' https://github.com/a/b ', 'https://github.com/a/b'],
    ['github.com/a/b', 'https://github.com/a/b'],
    ['javascript:alert(1)', undefined],
    ['just words', undefined],
    ['', undefined],
  ])('reads %j', (text, want) => expect(readTarget(text)).toBe(want));

  it('tells files from repositories', () => {
    expect(isFile('https://x.example/a/catalog-info.yaml?raw=1')).toBe(true);
    expect(isFile('https://github.com/a/b')).toBe(false);
  });

  it('says what to configure', () => {
    expect(configurationFor('https://git.example:8443/a')).toContain('- host: git.example:8443');
    expect(configurationFor('https://github.com/a/b')).toContain('token: ${GITHUB_TOKEN}');
    expect(isForbiddenHost("allowed hosts at 'backend.reading.allow'")).toBe(true);
  });

  it('checks names', () => {
    expect(nameProblem('booking-service')).toBeUndefined();
    expect(nameProblem('-x')).toBeDefined();
    expect(nameProblem('')).toBeDefined();
  });
});
