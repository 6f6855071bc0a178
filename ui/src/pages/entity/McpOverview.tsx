import type { Entity } from '@/api/types';
import { CopyButton } from '@/kit/CopyButton';
import { webAddress } from './origin';
import { Panel } from './RelatedList';
import { CodeBlock } from '@/kit/CodeBlock';

export interface Remote {
  type: string;
  url: string;
}

/** The remotes of an MCP server, as far as they are well-formed. */
export function remotesOf(entity: Entity): Remote[] {
  const remotes = entity.spec?.remotes;
  if (!Array.isArray(remotes)) return [];
  return (remotes as unknown[]).flatMap(remote => {
    const { type, url } = (remote ?? {}) as Partial<Remote>;
    return typeof url === 'string' ? [{ url, type: String(type ?? 'http') }] : [];
  });
}

/** Where a model context protocol server answers, ready to paste into a client. */
export function McpOverview({ entity }: { entity: Entity }) {
  const remotes = remotesOf(entity);
  const name = entity.metadata.name;
  const first = remotes[0];
  const client = JSON.stringify(
    { mcpServers: { [name]: { type: first?.type.replace('streamable-', ''), url: first?.url } } },
    null,
    2,
  );
  return (
    <Panel title="Remotes" count={remotes.length}>
      {remotes.length === 0 ? (
        <p className="panel-note">
          No remote is given. Add <code>spec.remotes</code> with a type and a URL to its file.
        </p>
      ) : (
        <>
          <ul className="remotes">
            {remotes.map(({ type, url }) => (
              <li key={url}>
                <span className="tag">
                  <span>{type}</span>
                </span>
                {webAddress(url) ? (
                  <span className="mono remote-url">{url}</span>
                ) : (
                  <span className="mono remote-url muted">{url}</span>
                )}
                <CopyButton text={url} what="the address" />
              </li>
            ))}
          </ul>
          <div className="remote-client">
            <p className="muted">For the configuration of a client:</p>
            <CodeBlock>{client}</CodeBlock>
            <CopyButton text={client} what="the configuration" label="Copy" />
          </div>
        </>
      )}
    </Panel>
  );
}
