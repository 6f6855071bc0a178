import { describe, expect, it } from 'vitest';
import { startAddress, webAddress } from './address';

describe('startAddress', () => {
  it('comes back to the page, without the error of an attempt before', () => {
    const href = 'https://p.example/catalog?filters[kind]=api&error=true';
    const url = new URL(
      startAddress({ provider: 'okta', environment: 'production', flow: 'redirect', href }),
      href,
    );
    expect(url.pathname).toBe('/api/auth/okta/start');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      env: 'production',
      scope: '',
      origin: 'https://p.example',
      redirectUrl: 'https://p.example/catalog?filters%5Bkind%5D=api',
      flow: 'redirect',
    });
  });
});

describe('webAddress', () => {
  it.each([
    ['https://id.example/out', 'https://id.example/out'],
    ['javascript:alert(1)', undefined],
    ['/relative', undefined],
    [undefined, undefined],
  ])('takes %j for %j', (text, want) => expect(webAddress(text)).toBe(want));
});
