import { deref, list, object, refName, text, type Json } from '../json';

export interface Message {
  name: string;
  title: string;
  description: string;
  contentType: string;
  payload: unknown;
}

export interface Action {
  /** What an application that follows the document does. */
  verb: 'send' | 'receive';
  id: string;
  summary: string;
  messages: Message[];
}

export interface Channel {
  name: string;
  address: string;
  description: string;
  actions: Action[];
}

export interface AsyncApi {
  root: Json;
  title: string;
  version: string;
  format: string;
  description: string;
  servers: { name: string; url: string; protocol: string }[];
  channels: Channel[];
}

function messageOf(root: Json, value: unknown, name?: string): Message {
  const ref = object(value).$ref;
  const raw = deref(root, value);
  const payload = object(raw.payload);
  return {
    name: text(raw.name) || name || (typeof ref === 'string' ? refName(ref) : 'message'),
    title: text(raw.title),
    description: text(raw.summary) || text(raw.description),
    contentType: text(raw.contentType),
    // Version 3 may wrap the schema together with its format.
    payload: payload.schemaFormat && payload.schema ? payload.schema : raw.payload,
  };
}

function messagesOf(root: Json, value: unknown): Message[] {
  if (value === undefined) return [];
  const several = list(deref(root, value).oneOf);
  return several.length > 0 ? several.map(one => messageOf(root, one)) : [messageOf(root, value)];
}

/** Version 2: a client subscribes to what the application sends. */
function channelsOfTwo(root: Json): Channel[] {
  return Object.entries(object(root.channels)).map(([name, value]) => {
    const raw = deref(root, value);
    const action = (key: 'publish' | 'subscribe', verb: Action['verb']): Action[] => {
      if (raw[key] === undefined) return [];
      const operation = object(raw[key]);
      return [
        {
          verb,
          id: text(operation.operationId),
          summary: text(operation.summary) || text(operation.description),
          messages: messagesOf(root, operation.message),
        },
      ];
    };
    return {
      name,
      address: name,
      description: text(raw.description),
      actions: [...action('subscribe', 'send'), ...action('publish', 'receive')],
    };
  });
}

function channelsOfThree(root: Json): Channel[] {
  const operations = Object.entries(object(root.operations)).map(([id, value]) => {
    const raw = deref(root, value);
    return { id, raw, channel: refName(text(object(raw.channel).$ref)).replaceAll('~1', '/') };
  });
  return Object.entries(object(root.channels)).map(([name, value]) => {
    const raw = deref(root, value);
    const all = Object.entries(object(raw.messages)).map(([key, message]) =>
      messageOf(root, message, key),
    );
    const actions = operations
      .filter(({ channel }) => channel === name)
      .map(({ id, raw: operation }): Action => {
        const named = list(operation.messages).map(message => messageOf(root, message));
        return {
          verb: operation.action === 'receive' ? 'receive' : 'send',
          id,
          summary: text(operation.summary) || text(operation.description),
          messages: named.length > 0 ? named : all,
        };
      });
    return {
      name,
      address: text(raw.address) || name,
      description: text(raw.description) || text(raw.summary),
      actions:
        actions.length > 0 || all.length === 0
          ? actions
          : [{ verb: 'send', id: '', summary: '', messages: all }],
    };
  });
}

/** Brings a document of version 2 or 3 into one shape. */
export function readAsyncApi(root: Json): AsyncApi {
  const info = object(root.info);
  const version = text(root.asyncapi);
  return {
    root,
    title: text(info.title),
    version: text(info.version),
    format: `AsyncAPI ${version}`,
    description: text(info.description),
    servers: Object.entries(object(root.servers)).map(([name, value]) => {
      const raw = deref(root, value);
      return {
        name,
        url: text(raw.url) || text(raw.host) + text(raw.pathname),
        protocol: text(raw.protocol),
      };
    }),
    channels: version.startsWith('3') ? channelsOfThree(root) : channelsOfTwo(root),
  };
}
