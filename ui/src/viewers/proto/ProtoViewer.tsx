import { useState } from 'react';
import { SearchField } from '@/kit/kit';
import { useHash } from '../useHash';
import type { MessageType, Proto, Service } from './model';

/** A gRPC definition: services with their calls, messages with their fields. */
export default function ProtoViewer({ proto }: { proto: Proto }) {
  const [needle, setNeedle] = useState('');
  const [hash] = useHash();
  const word = needle.toLowerCase().trim();
  const has = (...texts: string[]) => !word || texts.join(' ').toLowerCase().includes(word);
  const known = new Set(proto.messages.map(({ name }) => name));
  const services = proto.services
    .map(service => ({
      ...service,
      rpcs: service.rpcs.filter(rpc => has(service.name, rpc.name, rpc.request, rpc.response)),
    }))
    .filter(service => service.rpcs.length > 0 || has(service.name));
  const messages = proto.messages.filter(({ name, fields }) =>
    has(name, ...fields.map(field => field.name)),
  );
  return (
    <div className="api-doc">
      <div className="api-find">
        <SearchField
          label="Find a call, message or field"
          placeholder="Find a call or message…"
          value={needle}
          onChange={setNeedle}
        />
        <span className="mono muted">{proto.package}</span>
      </div>
      {services.map(service => (
        <ServiceView key={service.name} service={service} known={known} />
      ))}
      {messages.map(message => (
        <section
          key={message.name}
          id={message.name}
          className="gql-type"
          aria-label={message.name}
          data-target={hash === message.name || undefined}
        >
          <h2>
            <span className="gql-kind mono">{message.kind}</span>
            <span className="mono">{message.name}</span>
          </h2>
          {message.comment && <p className="api-text">{message.comment}</p>}
          <Fields message={message} known={known} />
        </section>
      ))}
      {services.length + messages.length === 0 && <p className="muted">Nothing is called so.</p>}
    </div>
  );
}

function ServiceView({ service, known }: { service: Service; known: ReadonlySet<string> }) {
  return (
    <section className="gql-type" aria-label={service.name}>
      <h2>
        <span className="gql-kind mono">service</span>
        <span className="mono">{service.name}</span>
      </h2>
      {service.comment && <p className="api-text">{service.comment}</p>}
      <ul className="schema-rows">
        {service.rpcs.map(rpc => (
          <li key={rpc.name}>
            <div className="schema-head">
              <span className="schema-name mono">{rpc.name}</span>
              <span className="schema-kind mono">
                {rpc.clientStreams && 'stream '}
                <TypeName type={rpc.request} known={known} />
                {' → '}
                {rpc.serverStreams && 'stream '}
                <TypeName type={rpc.response} known={known} />
              </span>
            </div>
            {rpc.comment && (
              <div className="schema-notes">
                <p>{rpc.comment}</p>
              </div>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Fields({ message, known }: { message: MessageType; known: ReadonlySet<string> }) {
  if (message.fields.length === 0) return <p className="muted">It has no fields.</p>;
  return (
    <ul className="schema-rows">
      {message.fields.map(({ name, type, number, comment }) => (
        <li key={name}>
          <div className="schema-head">
            <span className="proto-number num">{number}</span>
            <span className="schema-name mono">{name}</span>
            <span className="schema-kind mono">
              <TypeName type={type} known={known} />
            </span>
          </div>
          {comment && (
            <div className="schema-notes">
              <p>{comment}</p>
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}

function TypeName({ type, known }: { type: string; known: ReadonlySet<string> }) {
  const bare = type.replace(/^(repeated|optional|required) /, '').replace(/ \(.*$/, '');
  const name = known.has(bare) ? bare : [...known].find(other => other.endsWith(`.${bare}`));
  return name ? (
    <a className="gql-link" href={`#${name}`}>
      {type}
    </a>
  ) : (
    <>{type}</>
  );
}
