import { describe, expect, it } from 'vitest';
import { readAsyncApi } from './model';

describe('readAsyncApi', () => {
  it('reads version 2', () => {
    const { channels, servers } = readAsyncApi({
      asyncapi: '2.6.0',
      servers: { bus: { url: 'bus:9092', protocol: 'kafka' } },
      channels: {
        held: {
          subscribe: { operationId: 'onHeld', message: { $ref: '#/components/messages/M' } },
        },
      },
      components: { messages: { M: { payload: { type: 'object' } } } },
    });
    expect(servers).toEqual([{ name: 'bus', url: 'bus:9092', protocol: 'kafka' }]);
    expect(channels[0]?.actions[0]).toMatchObject({ verb: 'send', id: 'onHeld' });
    expect(channels[0]?.actions[0]?.messages[0]).toMatchObject({
      name: 'M',
      payload: { type: 'object' },
    });
  });

  it('reads version 3', () => {
    const { channels } = readAsyncApi({
      asyncapi: '3.0.0',
      channels: { held: { address: 'booking.held', messages: { m: { payload: {} } } } },
      operations: { onHeld: { action: 'receive', channel: { $ref: '#/channels/held' } } },
    });
    expect(channels[0]).toMatchObject({ address: 'booking.held' });
    expect(channels[0]?.actions[0]).toMatchObject({ verb: 'receive', id: 'onHeld' });
    expect(channels[0]?.actions[0]?.messages[0]?.name).toBe('m');
  });
});
