import { describe, expect, it } from 'vitest';
import { createEventReader, type ServerEvent } from './eventStream';

function read(...pieces: string[]): ServerEvent[] {
  const events: ServerEvent[] = [];
  const feed = createEventReader(event => events.push(event));
  pieces.forEach(feed);
  return events;
}

describe('server-sent events', () => {
  it('reads events wherever the text was cut', () => {
    expect(read('id: 7\nev', 'ent: change\ndata: {"a"', ':1}\n', '\n')).toEqual([
      { name: 'change', data: '{"a":1}', id: '7' },
    ]);
  });

  it('passes over comments and joins lines of data', () => {
    expect(read(': still here\n\ndata: a\r\ndata: b\r\n\r\n')).toEqual([
      { name: 'message', data: 'a\nb', id: undefined },
    ]);
  });
});
