import { describe, expect, it } from 'vitest';
import { linkAddress, originOf } from './origin';

const withAnnotations = (annotations: Record<string, string>) => ({
  kind: 'Component',
  metadata: { name: 'a', annotations },
});

describe('origin', () => {
  it('offers the source of an entity that came by url', () => {
    const origin = originOf(
      withAnnotations({ 'backstage.io/managed-by-location': 'url:https://git.example/a.yaml' }),
    );
    expect(origin.view).toBe('https://git.example/a.yaml');
  });

  it('never offers a script as a link', () => {
    const origin = originOf(withAnnotations({ 'backstage.io/view-url': 'javascript:alert(1)' }));
    expect(origin.view).toBeUndefined();
    expect(linkAddress('javascript:alert(1)')).toBeUndefined();
    expect(linkAddress('mailto:team@harbour.example')).toBe('mailto:team@harbour.example');
  });
});
