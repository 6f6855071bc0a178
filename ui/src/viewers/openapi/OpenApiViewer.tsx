import { IconSearchOff } from '@tabler/icons-react';
import { useEffect, useMemo, useState } from 'react';
import { CopyButton } from '@/kit/CopyButton';
import { Message, SearchField } from '@/kit/kit';
import type { Json } from '../json';
import { SchemaView } from '../SchemaView';
import { useHash } from '../useHash';
import { readOpenApi, searchOperations, type OpenApi } from './model';
import { OperationView } from './OperationView';

/** An OpenAPI document: its operations by tag, searchable, each with its own address. */
export default function OpenApiViewer({ document: root }: { document: Json }) {
  const api = useMemo(() => readOpenApi(root), [root]);
  const [needle, setNeedle] = useState('');
  const [hash, setHash] = useHash();
  const groups = useMemo(() => searchOperations(api.groups, needle), [api, needle]);
  const total = api.groups.reduce((sum, group) => sum + group.operations.length, 0);

  useEffect(() => {
    // Once: the address may lead to one operation.
    const id = decodeURIComponent(location.hash.slice(1));
    if (id) document.getElementById(id)?.scrollIntoView({ block: 'start' });
  }, []);

  return (
    <div className="api-doc">
      <Info api={api} />
      <div className="api-find">
        <SearchField
          label="Find an operation"
          placeholder="Find an operation…"
          value={needle}
          onChange={setNeedle}
        />
        <span className="muted num">
          {total} {total === 1 ? 'operation' : 'operations'}
        </span>
      </div>
      {groups.length === 0 && (
        <Message icon={IconSearchOff} title="No operation matches">
          <p>{total === 0 ? 'This document describes none.' : 'Try a path, a method or a word.'}</p>
        </Message>
      )}
      {groups.map(group => (
        <section key={group.name} className="api-group" aria-label={group.name}>
          <h3>
            {group.name}
            {group.description && <span className="muted">{group.description}</span>}
          </h3>
          <div className="api-list">
            {group.operations.map(operation => (
              <OperationView
                key={operation.id}
                api={api}
                operation={operation}
                open={hash === operation.id}
                onToggle={open => setHash(open ? operation.id : '')}
              />
            ))}
          </div>
        </section>
      ))}
      {!needle && api.schemas.length > 0 && <Schemas api={api} />}
    </div>
  );
}

function Info({ api }: { api: OpenApi }) {
  return (
    <header className="api-info">
      <h2>
        {api.title || 'Untitled'} <span className="muted num">{api.version}</span>
        <span className="tag">
          <span>{api.format}</span>
        </span>
      </h2>
      {api.description && <p className="api-text">{api.description}</p>}
      {(api.servers.length > 0 || api.schemes.length > 0) && (
        <dl className="api-facts">
          {api.servers.length > 0 && (
            <div>
              <dt>Servers</dt>
              <dd>
                {api.servers.map(({ url, description }) => (
                  <span key={url} className="api-server">
                    <span className="mono">{url}</span>
                    <CopyButton text={url} what="the address" />
                    {description && <span className="muted">{description}</span>}
                  </span>
                ))}
              </dd>
            </div>
          )}
          {api.schemes.length > 0 && (
            <div>
              <dt>Security</dt>
              <dd>
                {api.schemes.map(({ name, text }) => (
                  <span key={name} className="api-server">
                    <span className="mono">{name}</span>
                    <span className="muted">{text}</span>
                  </span>
                ))}
              </dd>
            </div>
          )}
        </dl>
      )}
    </header>
  );
}

function Schemas({ api }: { api: OpenApi }) {
  return (
    <section className="api-group" aria-label="Schemas">
      <h3>Schemas</h3>
      <div className="api-list">
        {api.schemas.map(([name, schema]) => (
          <details key={name} className="op">
            <summary>
              <span className="op-path mono">{name}</span>
            </summary>
            <div className="op-body">
              <SchemaView root={api.root} schema={schema} />
            </div>
          </details>
        ))}
      </div>
    </section>
  );
}
