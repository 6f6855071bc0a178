import { describe, expect, it } from 'vitest';
import { readProto } from './model';

const text = `syntax = "proto3";
package harbour.v1;
import "google/protobuf/timestamp.proto";
option go_package = "x";

// Knows free space.
service Capacity {
  // Returns one.
  rpc Get(GetRequest) returns (Sailing);
  rpc Watch(stream GetRequest) returns (stream Sailing) { option (a.b) = { get: "/v1" }; }
}
message GetRequest { string id = 1 [(rules) = { min: 1 }]; }
message Sailing {
  reserved 4 to 6;
  enum State { option allow_alias = true; UNKNOWN = 0; LEFT = -1; }
  repeated State states = 1;
  map<string, int32> free = 2;
  oneof place { string port = 3; }
  message Inner {}
}
`;

describe('readProto', () => {
  it('reads services, messages, nested types and comments', () => {
    const read = readProto(text);
    if ('error' in read) throw new Error(`${read.line}: ${read.error}`);
    expect(read.package).toBe('harbour.v1');
    expect(read.services[0]).toMatchObject({ name: 'Capacity', comment: 'Knows free space.' });
    expect(read.services[0]?.rpcs[0]).toMatchObject({ name: 'Get', comment: 'Returns one.' });
    expect(read.services[0]?.rpcs[1]).toMatchObject({ clientStreams: true, serverStreams: true });
    expect(read.messages.map(({ name }) => name)).toEqual([
      'GetRequest',
      'Sailing',
      'Sailing.State',
      'Sailing.Inner',
    ]);
    expect(
      read.messages[1]?.fields.map(({ type, name, number }) => `${type} ${name} ${number}`),
    ).toEqual([
      'repeated State states 1',
      'map<string, int32> free 2',
      'string (one of place) port 3',
    ]);
  });

  it('names the line of an error', () => {
    expect(readProto('message A {\n  string = 1;\n}')).toMatchObject({ line: 2 });
    expect(readProto('message A {\n')).toMatchObject({ line: 1 });
    expect(readProto('hello')).toMatchObject({ line: 1 });
  });
});
