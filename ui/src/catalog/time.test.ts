import { describe, expect, it } from 'vitest';
import { ago } from './time';

const now = new Date('2026-03-10T12:00:00Z');

describe('ago', () => {
  it.each([
    ['2026-03-10T11:59:40Z', 'just now'],
    ['2026-03-10T11:55:00Z', '5 minutes ago'],
    ['2026-03-09T12:00:00Z', 'yesterday'],
    ['2026-01-05T12:00:00Z', '2 months ago'],
  ])('says %s as %s', (at, want) => expect(ago(at, now)).toBe(want));
});
