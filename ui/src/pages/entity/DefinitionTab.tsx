import { useNavigate, useSearch } from '@tanstack/react-router';
import { IconDownload, IconFileOff } from '@tabler/icons-react';
import type { Entity } from '@/api/types';
import { CopyButton } from '@/kit/CopyButton';
import { Message, Segmented } from '@/kit/kit';
import { Definition, languageOf, readable } from '@/viewers/Definition';
import { McpOverview } from './McpOverview';

const extensions = { yaml: 'yaml', json: 'json', graphql: 'graphql', proto: 'proto', text: 'txt' };

/** What an API says about itself. */
export default function DefinitionTab({ entity }: { entity: Entity }) {
  const raw = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const type = typeof entity.spec?.type === 'string' ? entity.spec.type : '';
  const definition = entity.spec?.definition;
  if (type === 'mcp-server' && !definition) return <McpOverview entity={entity} />;
  if (definition === undefined || definition === '') {
    return (
      <Message icon={IconFileOff} title="It has no definition">
        <p>
          Give one in <code>spec.definition</code>, or lead to a file with <code>$text</code>.
        </p>
      </Message>
    );
  }
  const text = typeof definition === 'string' ? definition : JSON.stringify(definition, null, 2);
  const source = raw.view === 'source' || !readable(type);
  const name = `${entity.metadata.name}.${extensions[languageOf(type, text)]}`;
  return (
    <section aria-label="Definition">
      <div className="tab-head">
        {readable(type) ? (
          <Segmented
            label="Shown as"
            value={source ? 'source' : 'read'}
            options={[
              { value: 'read', label: 'Reference' },
              { value: 'source', label: 'Source' },
            ]}
            onChange={value =>
              void navigate({
                to: '.',
                search: { ...raw, view: value === 'source' ? value : undefined } as never,
                replace: true,
                resetScroll: false,
              })
            }
          />
        ) : (
          <span className="muted">{type}</span>
        )}
        <span className="tab-head-end">
          <CopyButton text={text} what="the definition" label="Copy" />
          <a
            className="btn"
            href={`data:text/plain;charset=utf-8,${encodeURIComponent(text)}`}
            download={name}
          >
            <IconDownload size={15} stroke={1.7} aria-hidden />
            Download
          </a>
        </span>
      </div>
      <Definition type={type} text={text} source={source} />
    </section>
  );
}
