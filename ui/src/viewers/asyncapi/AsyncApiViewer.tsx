import { useMemo, useState } from 'react';
import { SearchField } from '@/kit/kit';
import type { Json } from '../json';
import { sampleOf } from '../schema';
import { SchemaView } from '../SchemaView';
import { useHash } from '../useHash';
import { readAsyncApi, type Channel, type Message } from './model';
import { CodeBlock } from '@/kit/CodeBlock';

/** An AsyncAPI document: channels, who sends and receives, and what messages hold. */
export default function AsyncApiViewer({ document: root }: { document: Json }) {
  const api = useMemo(() => readAsyncApi(root), [root]);
  const [needle, setNeedle] = useState('');
  const [hash, setHash] = useHash();
  const words = needle.toLowerCase().trim();
  const channels = api.channels.filter(({ address, description, actions }) =>
    `${address} ${description} ${actions.map(({ id, summary }) => id + summary).join(' ')}`
      .toLowerCase()
      .includes(words),
  );
  return (
    <div className="api-doc">
      <header className="api-info">
        <h2>
          {api.title || 'Untitled'} <span className="muted num">{api.version}</span>
          <span className="tag">
            <span>{api.format}</span>
          </span>
        </h2>
        {api.description && <p className="api-text">{api.description}</p>}
        {api.servers.length > 0 && (
          <dl className="api-facts">
            <div>
              <dt>Servers</dt>
              <dd>
                {api.servers.map(({ name, url, protocol }) => (
                  <span key={name} className="api-server">
                    <span className="mono">{url}</span>
                    <span className="muted">
                      {name}
                      {protocol && `, ${protocol}`}
                    </span>
                  </span>
                ))}
              </dd>
            </div>
          </dl>
        )}
      </header>
      <div className="api-find">
        <SearchField
          label="Find a channel"
          placeholder="Find a channel…"
          value={needle}
          onChange={setNeedle}
        />
        <span className="muted num">
          {api.channels.length} {api.channels.length === 1 ? 'channel' : 'channels'}
        </span>
      </div>
      <div className="api-list">
        {channels.map(channel => (
          <ChannelView
            key={channel.name}
            root={root}
            channel={channel}
            open={hash === channel.name}
            onToggle={open => setHash(open ? channel.name : '')}
          />
        ))}
      </div>
      {channels.length === 0 && <p className="muted api-text">No channel matches.</p>}
    </div>
  );
}

interface ChannelViewProps {
  root: Json;
  channel: Channel;
  open: boolean;
  onToggle: (open: boolean) => void;
}

function ChannelView({ root, channel, open, onToggle }: ChannelViewProps) {
  const { name, address, description, actions } = channel;
  return (
    <div className="op" id={name}>
      <button
        type="button"
        className="op-head"
        aria-expanded={open}
        onClick={() => onToggle(!open)}
      >
        {actions.map(({ verb, id }) => (
          <span key={verb + id} className="op-method mono" data-method={verb}>
            {verb}
          </span>
        ))}
        <span className="op-path mono">{address}</span>
        <span className="op-summary">{description}</span>
      </button>
      {open && (
        <div className="op-body">
          {description && <p className="api-text">{description}</p>}
          {actions.map(({ verb, id, summary, messages }) => (
            <section key={verb + id}>
              <h3>
                The application {verb === 'send' ? 'sends' : 'receives'}
                {id && <span className="mono muted"> {id}</span>}
              </h3>
              {summary && <p className="api-text">{summary}</p>}
              {messages.map((message, at) => (
                <MessageView key={at} root={root} message={message} />
              ))}
            </section>
          ))}
        </div>
      )}
    </div>
  );
}

function MessageView({ root, message }: { root: Json; message: Message }) {
  const [example, setExample] = useState(false);
  const { name, title, description, contentType, payload } = message;
  return (
    <div className="content">
      <div className="content-head">
        <span>
          <span className="mono">{name}</span>{' '}
          <span className="muted">{[title, contentType].filter(Boolean).join(' · ')}</span>
        </span>
        <button
          type="button"
          className="content-switch"
          aria-pressed={example}
          onClick={() => setExample(!example)}
        >
          {example ? 'Schema' : 'Example'}
        </button>
      </div>
      {description && <p className="api-text">{description}</p>}
      {example ? (
        <CodeBlock>{JSON.stringify(sampleOf(root, payload), null, 2)}</CodeBlock>
      ) : payload !== undefined ? (
        <SchemaView root={root} schema={payload} />
      ) : (
        <p className="muted">No payload is described.</p>
      )}
    </div>
  );
}
