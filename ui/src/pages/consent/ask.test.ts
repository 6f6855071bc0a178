import { describe, expect, it } from 'vitest';
import { isTarget, readAsk } from './ask';

describe('readAsk', () => {
  it('names the program, the host and what it may do', () => {
    const ask = readAsk({
      id: '1',
      clientName: 'Agent',
      redirectUri: 'https://agent.example/callback?x=1',
      scope: 'openid offline_access',
    });
    expect(ask).toMatchObject({ name: 'Agent', host: 'agent.example', local: false });
    expect(ask.scopes.map(({ name }) => name)).toEqual(['openid', 'offline_access']);
  });

  it.each([
    ['http://127.0.0.1:8123/callback', '127.0.0.1:8123', true],
    ['http://localhost.evil.example/', 'localhost.evil.example', false],
    ['cursor://anysphere/callback', 'anysphere', false],
    ['nonsense', undefined, false],
  ])('tells where %s leads', (redirectUri, host, local) =>
    expect(readAsk({ id: '1', redirectUri })).toMatchObject({ host, local }),
  );

  it('says so when a program has no name', () => {
    expect(readAsk({ id: '1' }).name).toBe('A program without a name');
    expect(readAsk({ id: '1', clientId: 'abc' }).name).toBe('abc');
  });
});

describe('isTarget', () => {
  it.each([
    ['https://agent.example/?code=1', true],
    ['cursor://callback?code=1', true],
    ['javascript:alert(1)', false],
    ['data:text/html,x', false],
    ['/relative', false],
  ])('takes %s: %s', (text, want) => expect(isTarget(text)).toBe(want));
});
