import { describe, expect, it } from 'vitest';
import { fromField, readState, searchOf, toField, writeState } from './state';

describe('the state of the audit page', () => {
  it('survives the address', () => {
    const raw = { text: 'denied', actor: 'user:default/ada', cursor: 'abc', id: '7' };
    expect(writeState(readState(raw))).toEqual(raw);
  });

  it('leaves out what is empty, unknown or no text', () => {
    expect(readState({ text: ' ', color: 'red', actor: ['a', 'b'] })).toEqual({
      filters: {},
      cursor: undefined,
      id: undefined,
    });
  });

  it('asks the API by the same names', () => {
    expect(searchOf({ event: 'entity-mutate', from: '2026-01-02T03:04:00Z' })).toBe(
      'event=entity-mutate&from=2026-01-02T03%3A04%3A00Z',
    );
  });
});

describe('fields for date and time', () => {
  it('give back the moment they were given', () => {
    expect(fromField(toField('2026-01-02T03:04:00Z'))).toBe('2026-01-02T03:04:00Z');
  });

  it('are empty for nonsense', () => {
    expect(toField('soon')).toBe('');
    expect(toField(undefined)).toBe('');
    expect(fromField('')).toBe('');
  });
});
